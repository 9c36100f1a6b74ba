import type { Problem } from "@hsafa/protocol";

/**
 * Anything that went wrong between this program and hsafa. `code` is one of the protocol's error table (`not_found`,
 * `result_conflict`, …), `network_error` if there was no response, or `unexpected_response` if the response was not
 * hsafa's. A device that has stopped rejects with the kind of its stop as `code`.
 */
export class HsafaError extends Error {
  override readonly name = "HsafaError";
  /** What went wrong, for programs. */
  readonly code: string;
  /** The HTTP status; 0 if there was no response. */
  readonly status: number;
  /** The problem document, if there was one. Its `errors` say where in the body each fault lies. */
  readonly problem: Problem | null;
  /** How long the server asked to wait before the next attempt, in milliseconds; `null` if it did not. */
  readonly retryAfterMs: number | null;

  /** `status` is 0 if left out; `problem` and `retryAfterMs` are `null` if left out. */
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

  /** Whether the same request may succeed later although nothing is changed about it. */
  get isRetryable(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 425 || this.status === 429 || this.status >= 500;
  }
}

/** Reads the body of a response that is no success, and returns the error that it stands for. Never rejects. */
export async function errorOf(response: Response): Promise<HsafaError> {
  const text = await response.text().catch(() => "");
  const problem = problemOf(text);
  const retryAfter = Number(response.headers.get("retry-after") ?? undefined);
  return new HsafaError({
    code: problem?.code ?? "unexpected_response",
    message: problem?.detail ?? `The server answered ${response.status} without a problem.`,
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
