import type { Problem } from "@hsafa/protocol";
import { expect } from "vitest";
import type { Answer } from "./test-gateway.ts";

/** Checks that a response is a whole problem of this status and code, as in PROTOCOL.md, and returns it. */
export function expectProblem(answer: Answer, status: number, code: string): Problem {
  const problem = answer.body as Problem;
  expect({ status: answer.status, code: problem.code, detail: problem.detail }).toMatchObject({ status, code });
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect(problem).toMatchObject({
    status,
    type: `urn:hsafa:error:${code}`,
    requestId: answer.headers.get("x-request-id"),
  });
  expect(problem.title).not.toBe("");
  expect(problem.detail.length).toBeGreaterThan(10);
  return problem;
}
