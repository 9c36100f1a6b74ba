import { AsyncLocalStorage } from "node:async_hooks";
import { type LanguageModelV4, NoSuchModelError } from "@ai-sdk/provider";
import type { JsonObject } from "@hsafa/protocol";
import type { Clock } from "../../ports/clock.ts";
import type { ModelCall } from "../../ports/model.ts";
import type { FileStandIns } from "./file-stand-ins.ts";
import { DemoProvider } from "./demo/demo-provider.ts";
import { MODELS_REMEMBERED_MAX } from "./limits.ts";
import { chatFormat } from "./wire/chat-format.ts";
import type { WireFormat } from "./wire/wire-format.ts";
import { geminiFormat } from "./wire/gemini-format.ts";
import { messagesFormat } from "./wire/messages-format.ts";
import { OptionalFields } from "./wire/optional-fields.ts";
import { ProviderWire } from "./wire/provider-wire.ts";
import { responsesFormat } from "./wire/responses-format.ts";

/** How to reach one provider. */
export interface ProviderAccess {
  readonly apiKey?: string | undefined;
  /** The URL of its API; its public one when absent. */
  readonly baseUrl?: string | undefined;
}

/** The providers as the wiring configures them. Nothing here reads the environment. */
export interface ProviderSettings {
  /** Whether there are models of the provider `demo`; if left out: yes. */
  readonly demoModels?: boolean;
  readonly openai?: ProviderAccess;
  readonly anthropic?: ProviderAccess;
  readonly google?: ProviderAccess;
  readonly xai?: ProviderAccess;
  /** Any server that speaks OpenAI's chat completions. Its key may be absent. */
  readonly openaiCompatible?: ProviderAccess & {
    /** `never`: `stream_options` is left out. `auto`, the default: it is left out once the server has refused it. */
    readonly streamOptions?: "auto" | "never";
  };
  /** Replaces the global `fetch` for every provider. */
  readonly fetch?: typeof globalThis.fetch;
}

type Fetch = typeof globalThis.fetch;

/** Loads a provider's package. What it returns makes a model whose requests leave by `fetch`. */
type Load = (access: ProviderAccess) => Promise<(modelId: string, how: ModelParams) => LanguageModelV4>;

interface ModelParams {
  readonly fetch: Fetch;
  /** Whether the usage of a stream is asked for by `stream_options`. */
  readonly asksForUsage: boolean;
}

/** How a step hears of its connection. */
type StepListening = Pick<ConstructorParameters<typeof ProviderWire>[0], "idleTimeoutMs" | "nextTurn" | "onWords">;

/** The model of one call. `wire` is its connection to the provider; null if there is none. */
export interface OpenedModel {
  readonly model: LanguageModelV4;
  /** Asks the model. Its requests leave by the wire. */
  readonly doStream: LanguageModelV4["doStream"];
  readonly wire: ProviderWire | null;
}

interface ProviderEntry {
  readonly setting: Exclude<keyof ProviderSettings, "fetch" | "demoModels">;
  readonly needs: "apiKey" | "baseUrl";
  /** The environment variables from which the wiring reads the access, for messages to people. */
  readonly variables: { readonly apiKey: string; readonly baseUrl?: string };
  /** What the provider says in its streams. */
  readonly format: WireFormat<unknown>;
  readonly load: Load;
}

/**
 * Each package is imported with the first call of one of its models, because together they cost half a second of
 * start-up. A base URL is always given, because the packages would otherwise read one from the environment.
 */
const ENTRIES: Readonly<Record<string, ProviderEntry>> = {
  openai: {
    setting: "openai",
    needs: "apiKey",
    variables: { apiKey: "OPENAI_API_KEY" },
    format: responsesFormat,
    load: async ({ apiKey, baseUrl }) => {
      const { createOpenAI } = await import("@ai-sdk/openai");
      const baseURL = baseUrl ?? "https://api.openai.com/v1";
      return (modelId, { fetch }) => createOpenAI({ apiKey, baseURL, fetch }).languageModel(modelId);
    },
  },
  anthropic: {
    setting: "anthropic",
    needs: "apiKey",
    variables: { apiKey: "ANTHROPIC_API_KEY" },
    format: messagesFormat,
    load: async ({ apiKey, baseUrl }) => {
      const { createAnthropic } = await import("@ai-sdk/anthropic");
      const baseURL = baseUrl ?? "https://api.anthropic.com/v1";
      return (modelId, { fetch }) => createAnthropic({ apiKey, baseURL, fetch }).languageModel(modelId);
    },
  },
  google: {
    setting: "google",
    needs: "apiKey",
    variables: { apiKey: "GOOGLE_GENERATIVE_AI_API_KEY" },
    format: geminiFormat,
    load: async ({ apiKey, baseUrl }) => {
      const { createGoogleGenerativeAI } = await import("@ai-sdk/google");
      const baseURL = baseUrl ?? "https://generativelanguage.googleapis.com/v1beta";
      return (modelId, { fetch }) => createGoogleGenerativeAI({ apiKey, baseURL, fetch }).languageModel(modelId);
    },
  },
  xai: {
    setting: "xai",
    needs: "apiKey",
    variables: { apiKey: "XAI_API_KEY" },
    format: responsesFormat,
    load: async ({ apiKey, baseUrl }) => {
      const { createXai } = await import("@ai-sdk/xai");
      const baseURL = baseUrl ?? "https://api.x.ai/v1";
      return (modelId, { fetch }) => createXai({ apiKey, baseURL, fetch }).languageModel(modelId);
    },
  },
  "openai-compatible": {
    setting: "openaiCompatible",
    needs: "baseUrl",
    variables: { apiKey: "OPENAI_COMPATIBLE_API_KEY", baseUrl: "OPENAI_COMPATIBLE_BASE_URL" },
    format: chatFormat,
    load: async ({ apiKey, baseUrl }) => {
      const { createOpenAICompatible } = await import("@ai-sdk/openai-compatible");
      const settings = { name: "openai-compatible", apiKey, baseURL: baseUrl ?? "" };
      return (modelId, { fetch, asksForUsage }) =>
        createOpenAICompatible({
          ...settings,
          includeUsage: asksForUsage,
          supportsStructuredOutputs: true,
          fetch,
        }).languageModel(modelId);
    },
  },
};

/** Splits `<provider>/<model>`. The model's own name may contain further slashes. */
export function splitModelName(model: string): { readonly provider: string; readonly modelId: string } {
  const slash = model.indexOf("/");
  return slash === -1
    ? { provider: model, modelId: "" }
    : { provider: model.slice(0, slash), modelId: model.slice(slash + 1) };
}

/**
 * Finds language models by name, and keeps each provider's package once it has been loaded. A model is kept as well: to
 * make one costs a package a millisecond, for the schemas of what it reads. It knows no call, so a call's own `fetch`
 * is found by its asynchronous context.
 */
export class Providers {
  readonly #settings: ProviderSettings;
  readonly #clock: Clock;
  readonly #demo: DemoProvider;
  readonly #loaded = new Map<string, ReturnType<Load>>();
  readonly #models = new Map<string, LanguageModelV4>();
  readonly #sending = new AsyncLocalStorage<Fetch>();
  readonly #optionalFields = new OptionalFields();

  constructor(settings: ProviderSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
    this.#demo = new DemoProvider(clock);
  }

  /** Returns why this model cannot be called here, or null if it can. */
  check(model: string): string | null {
    const { provider, modelId } = splitModelName(model);
    if (modelId === "") return `'${model}' names no model; write '<provider>/<model>'.`;
    if (provider === "demo" && this.#settings.demoModels === false) {
      return "the models of the provider 'demo' are switched off on this gateway; an operator sets HSAFA_DEMO_MODELS=on.";
    }
    if (provider === "demo") return this.#demo.check(modelId);
    const entry = ENTRIES[provider];
    if (entry === undefined) {
      return `there is no model provider '${provider}'; there are ${[...Object.keys(ENTRIES), "demo"].join(", ")}.`;
    }
    if (this.accessOf(provider)[entry.needs]) return null;
    return `the model '${model}' needs ${entry.variables[entry.needs]}, which is not set on this gateway.`;
  }

  /**
   * Returns the language model of a call, and the call's own connection. Throws `NoSuchModelError` with the reason of
   * `check`, if it has one.
   */
  async open(
    call: Pick<ModelCall, "model" | "settings">,
    { files, ...listening }: StepListening & { readonly files: FileStandIns },
  ): Promise<OpenedModel> {
    const objection = this.check(call.model);
    const { provider, modelId } = splitModelName(call.model);
    if (objection !== null) throw new NoSuchModelError({ modelId, modelType: "languageModel", message: objection });
    const entry = ENTRIES[provider];
    if (entry === undefined) {
      const model = this.#demo.languageModel(modelId, { ...listening, files });
      return { model, doStream: (options) => model.doStream(options), wire: null };
    }
    const asksForUsage = this.#asksForUsage(call.settings.providerOptions);
    const send = files.sendBy(this.#settings.fetch ?? globalThis.fetch, listening.nextTurn);
    const wire = new ProviderWire({
      fetch: entry.setting === "openaiCompatible" ? this.#optionalFields.sendBy(send, modelId) : send,
      format: entry.format,
      clock: this.#clock,
      ...listening,
    });
    const model = await this.#modelOf(entry, { provider, modelId, asksForUsage });
    return { model, doStream: (options) => this.#sending.run(wire.fetch, () => model.doStream(options)), wire };
  }

  async #modelOf(
    entry: ProviderEntry,
    { provider, modelId, asksForUsage }: { provider: string; modelId: string; asksForUsage: boolean },
  ): Promise<LanguageModelV4> {
    const name = `${provider}/${modelId} ${asksForUsage}`;
    const known = this.#models.get(name);
    if (known !== undefined) return known;
    const loading = this.#loaded.get(provider) ?? entry.load(this.accessOf(provider));
    this.#loaded.set(provider, loading);
    const makeModel = await loading;
    const fetch: Fetch = (...request) => {
      const send = this.#sending.getStore();
      if (send === undefined) throw new Error("a model is asked by the `doStream` of its call");
      return send(...request);
    };
    const model = makeModel(modelId, { fetch, asksForUsage });
    if (this.#models.size >= MODELS_REMEMBERED_MAX) this.#models.clear();
    this.#models.set(name, model);
    return model;
  }

  /** An agent leaves `stream_options` out with `providerOptions: { openaiCompatible: { stream_options: null } }`. */
  #asksForUsage(providerOptions: Readonly<Record<string, JsonObject>> | undefined): boolean {
    if (this.#settings.openaiCompatible?.streamOptions === "never") return false;
    return ["openaiCompatible", "openai-compatible"].every((name) => {
      const asked = providerOptions?.[name]?.stream_options;
      return asked !== null && asked !== false;
    });
  }

  /** Returns how to reach this provider, and the variable in which a person sets its key. */
  accessOf(provider: string): ProviderAccess & { readonly keyVariable: string | null } {
    const entry = ENTRIES[provider];
    if (entry === undefined) return { keyVariable: null };
    return { ...this.#settings[entry.setting], keyVariable: entry.variables.apiKey };
  }
}
