import { canonicalHash } from "../../src/control/canonical-json.ts";
import { cancelRun } from "../../src/control/cancel-run.ts";
import { decideApproval } from "../../src/control/decide-approval.ts";
import { postMessage } from "../../src/control/post-message.ts";
import type { Principal } from "../../src/access/principal.ts";
import { startRun } from "../../src/control/start-run.ts";
import { submitResultOverHttp } from "../../src/control/submit-result-over-http.ts";
import { StoreUnavailable } from "../../src/ports/store.ts";
import { AGENT_NAME } from "./agent.ts";
import type { SimulatedGateway } from "./gateway.ts";
import type { Random } from "./random.ts";
import type { Recorder } from "./recorder.ts";
import type { Scheduler } from "./scheduler.ts";

const REQUEST_TIMEOUT_MS = 5000;

/** Programs that use the API of whatever gateway answers, and try again where one does not. */
export class Clients {
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #recorder: Recorder;
  readonly #principal: Principal;
  readonly #pickGateway: () => SimulatedGateway | null;

  constructor(params: {
    readonly scheduler: Scheduler;
    readonly random: Random;
    readonly recorder: Recorder;
    readonly principal: Principal;
    readonly pickGateway: () => SimulatedGateway | null;
  }) {
    this.#scheduler = params.scheduler;
    this.#random = params.random;
    this.#recorder = params.recorder;
    this.#principal = params.principal;
    this.#pickGateway = params.pickGateway;
  }

  /** Starts the run of a plan; answers its id. */
  async start(params: {
    readonly plan: number;
    readonly threadId: string | undefined;
    readonly deviceKey: string;
  }): Promise<string> {
    const { plan, threadId, deviceKey } = params;
    const request = { agent: AGENT_NAME, input: `plan ${plan}`, threadId, deviceKey };
    const idempotencyKey = `start ${plan}`;
    const outcome = await this.#untilAnswered((gateway) =>
      startRun(this.#at(gateway), this.#principal, { request, idempotencyKey }),
    );
    if (outcome.kind !== "started") throw new Error(`the run was not started: ${outcome.code}`);
    return outcome.runId;
  }

  async say(runId: string, text: string): Promise<void> {
    const message = { role: "user" as const, content: text };
    const outcome = await this.#untilAnswered((gateway) =>
      postMessage(this.#at(gateway), this.#principal, { runId, message, idempotencyKey: text }),
    );
    if (outcome.kind !== "accepted") return;
    const told = this.#recorder.toldMessages;
    told.set(runId, [...(told.get(runId) ?? []), text]);
  }

  async cancel(runId: string): Promise<void> {
    await this.#untilAnswered((gateway) => cancelRun(gateway, this.#principal, { runId, reason: "enough" }));
  }

  async decide(runId: string, callId: string): Promise<void> {
    const approved = this.#random.chance(0.7);
    const params = { runId, callId, approved, reason: null };
    await this.#untilAnswered((gateway) => decideApproval(gateway, this.#principal, params));
  }

  /** Answers a call over HTTP. */
  async answer(runId: string, callId: string, result: string): Promise<void> {
    const outcome = await this.#untilAnswered((gateway) =>
      submitResultOverHttp(gateway, this.#principal, { runId, callId, answer: { result } }),
    );
    if (outcome.kind === "accepted") {
      if (this.#recorder.acceptedResults.get(callId)?.has(canonicalHash({ kind: "completed", result })) !== true)
        this.#recorder.fail("R6", `a result of ${callId} was accepted and is not in the store`);
    }
  }

  #at(gateway: SimulatedGateway) {
    return { store: gateway.store, bell: gateway.bell, clock: gateway.machine.clock };
  }

  async #untilAnswered<T>(act: (gateway: SimulatedGateway) => Promise<T>): Promise<T> {
    for (;;) {
      const outcome = await this.#request(act);
      if (outcome !== null) return outcome.value;
      await new Promise<void>((resolve) => this.#scheduler.after(this.#random.delayMs(200), "client waits", resolve));
    }
  }

  /** Null: no answer, or that the store is away. */
  #request<T>(act: (gateway: SimulatedGateway) => Promise<T>): Promise<{ readonly value: T } | null> {
    const gateway = this.#pickGateway();
    return new Promise((resolve) => {
      const giveUp = this.#scheduler.after(REQUEST_TIMEOUT_MS, "client gives up", () => resolve(null));
      if (gateway === null) return;
      const { machine } = gateway;
      const answer = (outcome: { readonly value: T } | null): void => {
        if (!machine.mayAct()) return;
        this.#scheduler.after(this.#random.delayMs(2), "answer", () => {
          giveUp();
          resolve(outcome);
        });
      };
      this.#scheduler.after(this.#random.delayMs(2), "request", () =>
        machine.enter(() => {
          act(gateway).then(
            (value) => answer({ value }),
            (error: unknown) => {
              if (!(error instanceof StoreUnavailable)) this.#recorder.fail("bug", String(error));
              answer(null);
            },
          );
        }),
      );
    });
  }
}
