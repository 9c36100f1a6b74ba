import type { Problem } from "@hsafa/protocol";

/**
 * Anything that went wrong between this program and hsafa. `code` is one of the error table's (`not_found`,
 * `result_conflict`, …), or `network_error` when there was no answer, or `unexpected_response` when the answer was not
 * hsafa's.
 */
export class HsafaError extends Error {
  override readonly name = "HsafaError";
  readonly code: string;
  /** The HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** The problem document, when there was one: `errors` in it says where in the body the fault lies. */
  readonly problem: Problem | null;
  /** How long the server asked to wait before the next try, in milliseconds. */
  readonly retryAfterMs: number | null;

  constructor(params: {
    readonly code: string;
    readonly message: string;
    readonly status?: number;
    readonly problem?: Problem;
    readonly retryAfterMs?: number;
    readonly cause?: unknown;
  }) {
    super(params.message, { cause: params.cause });
    this.code = params.code;
    this.status = params.status ?? 0;
    this.problem = params.problem ?? null;
    this.retryAfterMs = params.retryAfterMs ?? null;
  }

  /** Whether the same request may succeed later without anything being changed. */
  get isRetryable(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 425 || this.status === 429 || this.status >= 500;
  }
}

/** The error that a response stands for. Reads its body. */
export async function errorOf(response: Response): Promise<HsafaError> {
  const text = await response.text().catch(() => "");
  const problem = problemOf(text);
  const retryAfter = Number(response.headers.get("retry-after") ?? Number.NaN);
  return new HsafaError({
    code: problem?.code ?? "unexpected_response",
    message: problem?.detail ?? `The server answered ${response.status} with something that is not a problem document.`,
    status: response.status,
    problem,
    retryAfterMs: Number.isFinite(retryAfter) ? retryAfter * 1000 : undefined,
  });
}

function problemOf(text: string): Problem | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isProblem = typeof value === "object" && value !== null && "code" in value && "detail" in value;
    return isProblem ? (value as Problem) : undefined;
  } catch {
    return undefined;
  }
}
