import type { z } from "zod";

/** A fault in a document. `path` says where (`config.tools.0.name`; empty: the document itself). */
export interface ValidationFault {
  readonly path: string;
  readonly message: string;
}

type Issue = z.core.$ZodIssue;

/**
 * Turns a failed check into faults that a person can act on. Each unknown field is a fault of its own. Of a union only
 * the faults of the alternative that was meant are returned.
 */
export function schemaFaults(error: z.ZodError, prefix: readonly PropertyKey[] = []): ValidationFault[] {
  return error.issues.flatMap((issue) => faultsOfIssue(issue, prefix));
}

function faultsOfIssue(issue: Issue, prefix: readonly PropertyKey[]): ValidationFault[] {
  const path = [...prefix, ...issue.path];
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => ({ path: written([...path, key]), message: "is not a known field" }));
    case "invalid_union": {
      const meant = issue.errors.find((issues) => issues.every((inner) => inner.path.length > 0));
      if (meant !== undefined) return meant.flatMap((inner) => faultsOfIssue(inner, path));
      const messages = issue.errors.flatMap((issues) => issues.slice(0, 1).map(({ message }) => message));
      return [{ path: written(path), message: messages.length === 0 ? issue.message : messages.join("; or ") }];
    }
    default:
      return [{ path: written(path), message: issue.message }];
  }
}

function written(path: readonly PropertyKey[]): string {
  return path.map(String).join(".");
}
