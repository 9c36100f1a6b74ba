import { readFileSync } from "node:fs";
import { modelNameSchema } from "@hsafa/protocol/schema";
import { z } from "zod";
import type { ModelPrices } from "../../core/priced-usage.ts";

const usdSchema = z.number().min(0);

/** The price table as an operator writes it. */
const pricesSchema = z.record(
  modelNameSchema,
  z.strictObject({ input: usdSchema, output: usdSchema, cachedInput: usdSchema.optional() }),
);

/** A price table, or what is wrong with it. */
export type ReadPrices =
  | { readonly kind: "read"; readonly prices: ModelPrices }
  | { readonly kind: "fault"; readonly must: string };

const EXAMPLE = `'{"openai/gpt-5-mini": {"input": 0.25, "output": 2, "cachedInput": 0.025}}'`;

/** Reads the prices of models. `value` is JSON, or the path of a file with it. */
export function readModelPrices(value: string): ReadPrices {
  const fault = (what: string): ReadPrices => ({
    kind: "fault",
    must: `must be JSON like ${EXAMPLE}, or the path of a file with it: ${what}.`,
  });
  const isJson = value.startsWith("{");
  let text = value;
  let json: unknown;
  try {
    if (!isJson) text = readFileSync(value, "utf8");
  } catch (error) {
    return fault(`the file '${value}' cannot be read (${(error as NodeJS.ErrnoException).code ?? "it failed"})`);
  }
  try {
    json = JSON.parse(text);
  } catch {
    return fault(isJson ? "it is no JSON" : `the file '${value}' is no JSON`);
  }
  const parsed = pricesSchema.safeParse(json);
  if (parsed.success) {
    const prices = Object.entries(parsed.data).map(([model, { input, output, cachedInput }]) => {
      return [model, { input, output, ...(cachedInput === undefined ? {} : { cachedInput }) }] as const;
    });
    return { kind: "read", prices: new Map(prices) };
  }
  const [issue] = parsed.error.issues;
  return fault(`'${issue?.path.join(".") ?? ""}': ${issue?.message ?? "it has another form"}`);
}
