import { jsonObjectSchema } from "@hsafa/protocol/schema";
import { z } from "zod";
import { DEMO_FOUND_MAX, DEMO_REPEAT_MAX } from "../limits.ts";

/** The language of demo scripts. `docs/demo-provider.md` explains it to people. */

const pace = {
  /** Characters in one delta; one word when absent. */
  chunk: z.int().min(1).optional(),
  /** Pause before each delta, in milliseconds; 0 is none. */
  everyMs: z.number().min(0).max(60_000).optional(),
};

/** `cites`: the address of a page, as providers cite what they found. */
const sayPart = z.strictObject({ say: z.string(), cites: z.string().optional(), ...pace });
const thinkPart = z.strictObject({ think: z.string(), ...pace });
const callPart = z
  .strictObject({ call: z.string().min(1), args: jsonObjectSchema.optional(), rawArgs: z.string().optional(), ...pace })
  .refine((part) => part.args === undefined || part.rawArgs === undefined, "takes 'args' or 'rawArgs', not both");
const objectPart = z.strictObject({ object: z.union([jsonObjectSchema, z.literal(true)]), ...pace });
const searchPart = z.strictObject({
  search: z.string(),
  found: z.array(z.strictObject({ url: z.string(), title: z.string().optional() })).max(DEMO_FOUND_MAX),
  ...pace,
});
const waitPart = z.strictObject({ wait: z.number().min(0).max(3_600_000) });
const hangPart = z.strictObject({ hang: z.literal(true) });
const failPart = z.strictObject({
  fail: z.union([
    z.enum(["network", "cut"]),
    z.strictObject({
      status: z.int().min(400).max(599),
      message: z.string().optional(),
      retryAfterMs: z.int().min(0).optional(),
    }),
  ]),
  /** Fails this often, then the step goes on. When absent it always fails. */
  times: z.int().min(1).optional(),
});
const finishPart = z.strictObject({ finish: z.enum(["stop", "length", "content-filter", "error", "other"]) });

export type DemoPart =
  | z.infer<typeof sayPart>
  | z.infer<typeof thinkPart>
  | z.infer<typeof callPart>
  | z.infer<typeof objectPart>
  | z.infer<typeof searchPart>
  | z.infer<typeof waitPart>
  | z.infer<typeof hangPart>
  | z.infer<typeof failPart>
  | z.infer<typeof finishPart>
  | { repeat: number; parts: DemoPart[] };

const repeatPart: z.ZodType<{ repeat: number; parts: DemoPart[] }> = z.lazy(() =>
  z.strictObject({ repeat: z.int().min(0).max(DEMO_REPEAT_MAX), parts: z.array(demoPart).min(1).max(100) }),
);

const PARTS: readonly (readonly [string, z.ZodType<DemoPart>])[] = [
  ["say", sayPart],
  ["think", thinkPart],
  ["call", callPart],
  ["object", objectPart],
  ["search", searchPart],
  ["wait", waitPart],
  ["hang", hangPart],
  ["fail", failPart],
  ["finish", finishPart],
  ["repeat", repeatPart],
];

/** The part's own key selects its schema, so that an error is about the part that was meant, not about all ten. */
const demoPart: z.ZodType<DemoPart> = z.custom<DemoPart>().transform((value, context): DemoPart => {
  const keys = typeof value === "object" && value !== null ? Object.keys(value) : [];
  const schema = PARTS.find(([key]) => keys.includes(key))?.[1];
  const parsed = schema?.safeParse(value);
  if (parsed?.success === true) return parsed.data;
  for (const issue of parsed?.error.issues ?? []) {
    context.addIssue({ code: "custom", message: issue.message, path: issue.path });
  }
  if (parsed === undefined) {
    const known = PARTS.map(([key]) => key).join(", ");
    context.addIssue({ code: "custom", message: `is no part: it needs one of ${known}` });
  }
  return z.NEVER;
});

const demoSteps = z.array(z.array(demoPart)).min(1);

const demoScript = z.union([
  demoSteps.transform((steps) => ({ steps, loop: false as boolean, chunk: undefined, everyMs: undefined })),
  z.strictObject({ steps: demoSteps, loop: z.boolean().default(false), ...pace }),
]);

/** What the model does: one list of parts for each step after the last user message. */
export interface DemoScript {
  readonly steps: readonly (readonly DemoPart[])[];
  /** After the last step the first one follows again. Otherwise the model says that the script is over. */
  readonly loop: boolean;
  readonly chunk: number | undefined;
  readonly everyMs: number | undefined;
}

/** Reads a script. Returns a text that says what is wrong with it, if anything is. */
export function parseDemoScript(value: unknown): DemoScript | string {
  // One member of the union is asked, because the union's own error would be about both forms.
  const parsed = Array.isArray(value) ? demoScript.options[0].safeParse(value) : demoScript.options[1].safeParse(value);
  if (parsed.success) return { chunk: undefined, everyMs: undefined, ...parsed.data };
  return parsed.error.issues.map((issue) => `${issue.path.join(".") || "script"}: ${issue.message}`).join("; ");
}
