import { type LanguageModelV4, NoSuchModelError } from "@ai-sdk/provider";
import type { Clock } from "../../ports/clock.ts";
import { DemoProvider } from "./demo/demo-provider.ts";

/** How to reach one provider. */
export interface ProviderAccess {
  readonly apiKey?: string | undefined;
  /** The URL of its API; its public one when absent. */
  readonly baseUrl?: string | undefined;
}

/** The providers as the wiring configures them. Nothing here reads the environment. */
export interface ProviderSettings {
  readonly openai?: ProviderAccess;
  readonly anthropic?: ProviderAccess;
  readonly google?: ProviderAccess;
  readonly xai?: ProviderAccess;
  /** Any server that speaks OpenAI's chat completions. Its key may be absent. */
  readonly openaiCompatible?: ProviderAccess;
  /** Replaces the global `fetch` for every provider. */
  readonly fetch?: typeof globalThis.fetch;
}

type Load = (
  access: ProviderAccess,
  fetch: typeof globalThis.fetch | undefined,
) => Promise<(modelId: string) => LanguageModelV4>;

interface ProviderEntry {
  readonly setting: Exclude<keyof ProviderSettings, "fetch">;
  readonly needs: "apiKey" | "baseUrl";
  /** The environment variables from which the wiring reads the access, for messages to people. */
  readonly variables: { readonly apiKey: string; readonly baseUrl?: string };
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
    load: async ({ apiKey, baseUrl }, fetch) => {
      const { createOpenAI } = await import("@ai-sdk/openai");
      const provider = createOpenAI({ apiKey, baseURL: baseUrl ?? "https://api.openai.com/v1", fetch });
      return (modelId) => provider.languageModel(modelId);
    },
  },
  anthropic: {
    setting: "anthropic",
    needs: "apiKey",
    variables: { apiKey: "ANTHROPIC_API_KEY" },
    load: async ({ apiKey, baseUrl }, fetch) => {
      const { createAnthropic } = await import("@ai-sdk/anthropic");
      const provider = createAnthropic({ apiKey, baseURL: baseUrl ?? "https://api.anthropic.com/v1", fetch });
      return (modelId) => provider.languageModel(modelId);
    },
  },
  google: {
    setting: "google",
    needs: "apiKey",
    variables: { apiKey: "GOOGLE_GENERATIVE_AI_API_KEY" },
    load: async ({ apiKey, baseUrl }, fetch) => {
      const { createGoogleGenerativeAI } = await import("@ai-sdk/google");
      const provider = createGoogleGenerativeAI({
        apiKey,
        baseURL: baseUrl ?? "https://generativelanguage.googleapis.com/v1beta",
        fetch,
      });
      return (modelId) => provider.languageModel(modelId);
    },
  },
  xai: {
    setting: "xai",
    needs: "apiKey",
    variables: { apiKey: "XAI_API_KEY" },
    load: async ({ apiKey, baseUrl }, fetch) => {
      const { createXai } = await import("@ai-sdk/xai");
      const provider = createXai({ apiKey, baseURL: baseUrl ?? "https://api.x.ai/v1", fetch });
      return (modelId) => provider.languageModel(modelId);
    },
  },
  "openai-compatible": {
    setting: "openaiCompatible",
    needs: "baseUrl",
    variables: { apiKey: "OPENAI_COMPATIBLE_API_KEY", baseUrl: "OPENAI_COMPATIBLE_BASE_URL" },
    load: async ({ apiKey, baseUrl }, fetch) => {
      const { createOpenAICompatible } = await import("@ai-sdk/openai-compatible");
      const provider = createOpenAICompatible({
        name: "openai-compatible",
        apiKey,
        baseURL: baseUrl ?? "",
        includeUsage: true,
        fetch,
      });
      return (modelId) => provider.languageModel(modelId);
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

/** Finds language models by name, and keeps each provider once it has been loaded. */
export class Providers {
  readonly #settings: ProviderSettings;
  readonly #demo: DemoProvider;
  readonly #loaded = new Map<string, ReturnType<Load>>();

  constructor(settings: ProviderSettings, clock: Clock) {
    this.#settings = settings;
    this.#demo = new DemoProvider(clock);
  }

  /** Returns why this model cannot be called here, or null if it can. */
  check(model: string): string | null {
    const { provider, modelId } = splitModelName(model);
    if (modelId === "") return `'${model}' names no model; write '<provider>/<model>'.`;
    if (provider === "demo") return this.#demo.check(modelId);
    const entry = ENTRIES[provider];
    if (entry === undefined) {
      return `there is no model provider '${provider}'; there are ${[...Object.keys(ENTRIES), "demo"].join(", ")}.`;
    }
    if (this.accessOf(provider)[entry.needs]) return null;
    return `the model '${model}' needs ${entry.variables[entry.needs]}, which is not set on this gateway.`;
  }

  /** Returns the language model of this name. Throws `NoSuchModelError` with the reason of `check`, if it has one. */
  async languageModel(model: string): Promise<LanguageModelV4> {
    const objection = this.check(model);
    const { provider, modelId } = splitModelName(model);
    if (objection !== null) throw new NoSuchModelError({ modelId, modelType: "languageModel", message: objection });
    const entry = ENTRIES[provider];
    if (entry === undefined) return this.#demo.languageModel(modelId);
    const loading = this.#loaded.get(provider) ?? entry.load(this.accessOf(provider), this.#settings.fetch);
    this.#loaded.set(provider, loading);
    return (await loading)(modelId);
  }

  /** Returns how to reach this provider, and the variable in which a person sets its key. */
  accessOf(provider: string): ProviderAccess & { readonly keyVariable: string | null } {
    const entry = ENTRIES[provider];
    if (entry === undefined) return { keyVariable: null };
    return { ...this.#settings[entry.setting], keyVariable: entry.variables.apiKey };
  }
}
