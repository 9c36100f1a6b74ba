import { type LanguageModelV4, NoSuchModelError } from "@ai-sdk/provider";
import type { Clock } from "../../ports/clock.ts";
import { DemoProvider } from "./demo/demo-provider.ts";

/** How one provider is reached. */
export interface ProviderAccess {
  readonly apiKey?: string | undefined;
  /** Where its API lives; its own public address when absent. */
  readonly baseUrl?: string | undefined;
}

/** The providers as the wiring gives them; nothing here reads the environment. */
export interface ProviderSettings {
  readonly openai?: ProviderAccess;
  readonly anthropic?: ProviderAccess;
  readonly google?: ProviderAccess;
  readonly xai?: ProviderAccess;
  /** Any server that speaks OpenAI chat completions; its key may be absent. */
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
  /** The environment variables that the wiring reads these from, for messages to people. */
  readonly variables: { readonly apiKey: string; readonly baseUrl?: string };
  readonly load: Load;
}

/**
 * Each package is imported when a model of it is first asked for: together they cost half a second of start-up. Base
 * URLs are always given, because the packages would otherwise look into the environment for one.
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

/** `<provider>/<model>`; the model's own name may hold further slashes. */
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

  /** Why this model cannot be called here, or null. */
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

  /** The language model of this name. Throws `NoSuchModelError` if `check` has something against it. */
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

  /** How this provider is reached, and by which variable a person changes its key. */
  accessOf(provider: string): ProviderAccess & { readonly keyVariable: string | null } {
    const entry = ENTRIES[provider];
    if (entry === undefined) return { keyVariable: null };
    return { ...this.#settings[entry.setting], keyVariable: entry.variables.apiKey };
  }
}
