import type { ForkRunBody, StartLimits, StartPolicy } from "@hsafa/protocol";
import { admit } from "../../src/access/admit.ts";
import type { Principal } from "../../src/access/principal.ts";
import type { Refusal } from "../../src/access/refusal.ts";
import { cancelRun } from "../../src/control/cancel-run.ts";
import { canonicalHash } from "../../src/core/canonical-json.ts";
import { createThread } from "../../src/control/create-thread.ts";
import { deleteFile } from "../../src/control/delete-file.ts";
import { deleteThread } from "../../src/control/delete-thread.ts";
import { decideApproval } from "../../src/control/decide-approval.ts";
import { postMessage } from "../../src/control/post-message.ts";
import { forkRun } from "../../src/control/fork-run.ts";
import { startRun } from "../../src/control/start-run.ts";
import { uploadFile } from "../../src/control/upload-file.ts";
import { submitResultOverHttp } from "../../src/control/submit-result-over-http.ts";
import type { UseCaseDeps } from "../../src/control/use-case-deps.ts";
import type { Clock } from "../../src/ports/clock.ts";
import { StoreUnavailable } from "../../src/ports/store.ts";
import { AGENT_NAME } from "./agent.ts";
import type { Random } from "./random.ts";
import type { Recorder } from "./recorder.ts";
import type { Scheduler } from "./scheduler.ts";
import type { SimulatedGateway } from "./simulated-gateway.ts";

/** Why a run cannot be forked at a fact, or with a call, that somebody has picked. */
const UNFIT: ReadonlySet<string> = new Set(["invalid_position", "invalid_request", "not_found", "run_ended"]);

/** After how long a client takes a request for lost, in virtual ms. */
const REQUEST_TIMEOUT_MS = 5000;

/** How much of a file comes at once, in bytes. */
const PIECE_BYTES = 400_000;

/** The client has gone in the middle of its request. */
class ClientGone extends Error {
  override readonly name = "ClientGone";
}

/** What a fork is asked for. */
export type ForkAsked = Pick<ForkRunBody, "position" | "input" | "rerun">;

/** What became of the requests for a fork. */
export interface ForkAnswer {
  readonly runId: string | null;
  readonly mayCome: boolean;
}

/** A use case, called as a route of the edge calls it. */
type UseCase<T> = (deps: UseCaseDeps, principal: Principal) => Promise<T | Refusal>;

/** Programs that use the API. Where one gateway does not answer they try again, with another. */
export class Clients {
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #recorder: Recorder;
  readonly #pickGateway: () => SimulatedGateway | null;
  readonly #apiKey: string;

  constructor(params: {
    readonly apiKey: string;
    readonly scheduler: Scheduler;
    readonly random: Random;
    readonly recorder: Recorder;
    readonly pickGateway: () => SimulatedGateway | null;
  }) {
    this.#scheduler = params.scheduler;
    this.#random = params.random;
    this.#recorder = params.recorder;
    this.#pickGateway = params.pickGateway;
    this.#apiKey = params.apiKey;
  }

  /** Starts a run with this message, which no other run has. Returns its id. */
  async start(params: {
    readonly input: string;
    readonly threadId: string | undefined;
    readonly deviceKey: string;
    readonly limits?: StartLimits | undefined;
  }): Promise<string> {
    const { input, threadId, deviceKey, limits } = params;
    const request = { agent: AGENT_NAME, input, threadId, deviceKey, ...(limits === undefined ? {} : { limits }) };
    const idempotencyKey = `start ${input}`;
    const outcome = await this.#untilAnswered((deps, principal) =>
      startRun(deps, principal, { request, idempotencyKey }),
    );
    if (outcome.kind !== "started") throw new Error(`the run was not started: ${outcome.code}`);
    return outcome.runId;
  }

  /** Starts a run on a thread that may be busy. Null: it was refused for that. */
  async startOn(params: {
    readonly input: string;
    readonly threadId: string;
    readonly policy: StartPolicy;
  }): Promise<string | null> {
    const { input } = params;
    const request = { agent: AGENT_NAME, ...params };
    const outcome = await this.#untilAnswered((deps, principal) =>
      startRun(deps, principal, { request, idempotencyKey: `start ${input}` }),
    );
    if (outcome.kind === "started") return outcome.runId;
    if (outcome.code === "thread_busy") return null;
    throw new Error(`the run was not started: ${outcome.code}`);
  }

  /** Starts a run with this message and a file. Null: the file is not there. */
  async startWith({ input, fileId }: { readonly input: string; readonly fileId: string }): Promise<string | null> {
    const content = [
      { type: "text" as const, text: input },
      { type: "file" as const, fileId },
    ];
    const request = { agent: AGENT_NAME, input: [{ role: "user" as const, content }] };
    const outcome = await this.#untilAnswered((deps, principal) =>
      startRun(deps, principal, { request, idempotencyKey: `start ${input}` }),
    );
    if (outcome.kind === "started") return outcome.runId;
    if (outcome.code === "invalid_request") return null;
    throw new Error(`the run was not started: ${outcome.code}`);
  }

  /**
   * Uploads a file piece by piece. An attempt may break off (`brokenShare`, 0 to 1). Returns its id; null: there was no
   * room for it.
   */
  async upload(params: {
    readonly content: Uint8Array;
    readonly key: string;
    readonly brokenShare: number;
  }): Promise<string | null> {
    const { content, key, brokenShare } = params;
    const outcome = await this.#untilAnswered((deps, principal) => {
      const breaksAt = this.#random.chance(brokenShare) ? this.#random.next() * content.length : null;
      return uploadFile(deps, principal, {
        declared: "application/octet-stream",
        size: content.length,
        idempotencyKey: key,
        content: this.#pieces(deps.clock, content, breaksAt),
      });
    });
    if (outcome.kind === "stored") return outcome.file.id;
    if (outcome.code === "quota_exceeded") return null;
    throw new Error(`the file was not stored: ${outcome.code} ${outcome.detail}`);
  }

  async *#pieces(clock: Clock, content: Uint8Array, breaksAt: number | null): AsyncGenerator<Uint8Array> {
    for (let from = 0; from < content.length; from += PIECE_BYTES) {
      await new Promise<void>((resolve) => void clock.after(this.#random.delayMs(30), resolve));
      if (breaksAt !== null && from >= breaksAt - PIECE_BYTES) throw new ClientGone();
      yield content.subarray(from, from + PIECE_BYTES);
    }
  }

  async deleteFile(fileId: string): Promise<void> {
    await this.#untilAnswered((deps, principal) => deleteFile(deps, principal, fileId));
  }

  /**
   * Forks a run. `runId` is null if it cannot be forked so. `mayCome`: a request before was lost, and may still be
   * served. A run that could not be forked when the last one came may be forked then.
   */
  async fork(runId: string, request: ForkAsked, idempotencyKey: string): Promise<ForkAnswer> {
    let mayCome = false;
    const outcome = await this.#untilAnswered(
      (deps, principal) => forkRun(deps, principal, { runId, request, idempotencyKey }),
      () => {
        mayCome = true;
      },
    );
    if (outcome.kind === "started") return { runId: outcome.runId, mayCome: false };
    if (!UNFIT.has(outcome.code)) throw new Error(`the run was not forked: ${outcome.code} ${outcome.detail}`);
    return { runId: null, mayCome };
  }

  /** Deletes the thread of this key, if there is one. */
  async deleteThread(key: string): Promise<void> {
    await this.#untilAnswered((deps, principal) => deleteThread(deps, principal, { idOrKey: key, subject: undefined }));
  }

  /** Makes a thread that goes on from the end of a run. Null: the run has not ended, or has no thread any more. */
  async branch(runId: string, key: string): Promise<string | null> {
    const outcome = await this.#untilAnswered((deps, principal) =>
      createThread(deps, principal, { fromRunId: runId, key }),
    );
    return outcome.kind === "thread" ? outcome.thread.id : null;
  }

  async say(runId: string, text: string): Promise<void> {
    const message = { role: "user" as const, content: text };
    const outcome = await this.#untilAnswered((deps, principal) =>
      postMessage(deps, principal, { runId, message, idempotencyKey: text }),
    );
    if (outcome.kind !== "accepted") return;
    const told = this.#recorder.toldMessages;
    told.set(runId, [...(told.get(runId) ?? []), text]);
  }

  async cancel(runId: string): Promise<void> {
    await this.#untilAnswered((deps, principal) => cancelRun(deps, principal, { runId, reason: "enough" }));
  }

  /** They decide what they were shown. */
  async decide(runId: string, { callId, digest }: { callId: string; digest: string }): Promise<void> {
    const approved = this.#random.chance(0.7);
    const params = { runId, callId, approved, digest, reason: null };
    await this.#untilAnswered((deps, principal) => decideApproval(deps, principal, params));
  }

  /** Submits a call's result over HTTP. */
  async answer(runId: string, callId: string, result: string): Promise<void> {
    const params = { runId, callId, answer: { result } };
    const outcome = await this.#untilAnswered((deps, principal) => submitResultOverHttp(deps, principal, params));
    if (outcome.kind === "accepted") {
      if (this.#recorder.acceptedResults.get(callId)?.has(canonicalHash({ kind: "completed", result })) !== true)
        this.#recorder.fail("R6", `a result of ${callId} was accepted and is not in the store`);
    }
  }

  /** Asks until it is answered otherwise than that it should ask again. */
  async #untilAnswered<T>(useCase: UseCase<T>, onLost: () => void = () => {}): Promise<T | Refusal> {
    for (;;) {
      const outcome = await this.#request(useCase);
      if (outcome !== null) return outcome.value;
      onLost();
      await new Promise<void>((resolve) => this.#scheduler.after(this.#random.delayMs(200), "client waits", resolve));
    }
  }

  /** Null: no answer, or that it should ask again. */
  #request<T>(useCase: UseCase<T>): Promise<{ readonly value: T | Refusal } | null> {
    const gateway = this.#pickGateway();
    return new Promise((resolve) => {
      const cancelTimeout = this.#scheduler.after(REQUEST_TIMEOUT_MS, "client gives up", () => resolve(null));
      if (gateway === null) return;
      const { machine } = gateway;
      const answer = (outcome: { readonly value: T | Refusal } | null): void => {
        if (!machine.mayAct()) return;
        this.#scheduler.after(this.#random.delayMs(2), "answer", () => {
          cancelTimeout();
          resolve(outcome);
        });
      };
      this.#scheduler.after(this.#random.delayMs(2), "request", () =>
        machine.enter(() => {
          serve(gateway, this.#apiKey, useCase).then(
            (value) => answer(mustAskAgain(value) ? null : { value }),
            (error: unknown) => {
              if (!(error instanceof StoreUnavailable || error instanceof ClientGone))
                this.#recorder.fail("bug", String(error));
              answer(null);
            },
          );
        }),
      );
    });
  }
}

/** As the edge serves a request: first the credential, then the use case. */
async function serve<T>({ assembled }: SimulatedGateway, apiKey: string, useCase: UseCase<T>): Promise<T | Refusal> {
  const admission = await admit(assembled, apiKey, { scopes: ["runs:write"] });
  return admission.kind === "refused" ? admission : useCase(assembled.useCases, admission.principal);
}

/** The store is away, or too many credentials are looked up just now. */
function mustAskAgain(value: unknown): boolean {
  if (typeof value !== "object" || value === null || !("code" in value)) return false;
  return value.code === "unavailable" || value.code === "too_many_requests";
}
