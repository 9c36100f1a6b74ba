/**
 * How a model is asked for an object.
 *
 * 1. Natively, where the provider constrains its model to the schema: the schema travels as the format of the response.
 * 2. In words, where it would refuse the format, or would keep the model from calling its tools.
 * 3. However it was asked, the gateway checks the answer. The format saves repairs, and promises nothing.
 */
import type { LanguageModelV4CallOptions } from "@ai-sdk/provider";
import type { JsonObject, ProviderOptions } from "@hsafa/protocol";
import { isClosedSchema } from "./is-closed-schema.ts";

/** What a call says of the object that it asks for. */
export interface OutputFormat {
  readonly responseFormat: LanguageModelV4CallOptions["responseFormat"];
  /** What the model is told after the agent's own words; null: nothing. */
  readonly instruction: string | null;
  /** Options that the format rests on. Those of the agent win. */
  readonly options: ProviderOptions;
}

/** Returns how this model is asked for an object of the schema. */
export function outputFormat(params: {
  readonly provider: string;
  readonly modelId: string;
  readonly schema: JsonObject;
  readonly hasTools: boolean;
  readonly hasProviderTools: boolean;
}): OutputFormat {
  const { provider, modelId, schema, hasTools, hasProviderTools } = params;
  const native: LanguageModelV4CallOptions["responseFormat"] = { type: "json", schema };
  const instruction = instructionFor(schema);
  switch (provider) {
    case "openai":
      // Its strict mode refuses a schema with optional properties, or one that allows others than it names.
      return {
        responseFormat: native,
        instruction: null,
        options: { openai: { strictJsonSchema: isClosedSchema(schema) } },
      };
    case "xai":
    case "anthropic":
      return isClosedSchema(schema)
        ? { responseFormat: native, instruction: null, options: {} }
        : { responseFormat: undefined, instruction, options: {} };
    case "google":
      // Before Gemini 3 it refuses a format together with tools of its own.
      return hasProviderTools && !/gemini-[3-9]/.test(modelId)
        ? { responseFormat: undefined, instruction, options: {} }
        : { responseFormat: native, instruction: null, options: {} };
    case "demo":
      return { responseFormat: native, instruction: null, options: {} };
    default:
      // Nothing is known of the server. One that constrains its model to a schema seldom lets it call tools as well.
      return {
        responseFormat: hasTools ? undefined : native,
        instruction,
        options: { openaiCompatible: { strictJsonSchema: isClosedSchema(schema) } },
      };
  }
}

function instructionFor(schema: JsonObject): string {
  return (
    "Your final answer is one JSON object, without any words or marks around it. " +
    `It must fit this JSON Schema:\n${JSON.stringify(schema)}`
  );
}
