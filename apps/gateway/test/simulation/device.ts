import { CLOSE_CODES, type DeviceMessage, type GatewayMessage } from "@hsafa/protocol";
import { DEVICE_TOOLS } from "./agent.ts";
import type { DeviceConnection } from "./device-plane.ts";
import type { SimulatedGateway } from "./gateway.ts";
import type { Random } from "./random.ts";
import type { Recorder } from "./recorder.ts";
import type { Scheduler } from "./scheduler.ts";

type Result = Extract<DeviceMessage, { type: "tool.result" }>;

interface Link {
  isOpen: boolean;
  toGateway: (act: (connection: DeviceConnection) => void) => void;
  isRegistered: boolean;
}

export interface DeviceHabits {
  /** How long it works on a call, about. */
  readonly workMs: number;
  readonly neverShare: number;
  /** Answers again, with the same or with another result. */
  readonly twiceShare: number;
  /** How often it answers in the very moment in which it loses its memory. */
  readonly lastWordsShare: number;
  /** How long it takes to be back after that, about. */
  readonly bootMs: number;
}

/** A device with a runtime that remembers what it answered, until it reboots. */
export class SimulatedDevice {
  readonly key: string;
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #recorder: Recorder;
  readonly #habits: DeviceHabits;
  readonly #pickGateway: () => SimulatedGateway | null;
  #link: Link | null = null;
  #boot = 1;
  #isAway = false;
  /** By call id: what it answered in this boot, and whether the answer was heard. */
  #results = new Map<string, { readonly message: Result; isHeard: boolean }>();
  #working = new Map<string, () => void>();

  constructor(params: {
    readonly key: string;
    readonly scheduler: Scheduler;
    readonly random: Random;
    readonly recorder: Recorder;
    readonly habits: DeviceHabits;
    readonly pickGateway: () => SimulatedGateway | null;
  }) {
    this.key = params.key;
    this.#scheduler = params.scheduler;
    this.#random = params.random;
    this.#recorder = params.recorder;
    this.#habits = params.habits;
    this.#pickGateway = params.pickGateway;
    this.#connectSoon(10);
  }

  /** The connection breaks; the gateway learns of it now, or only when it hears nothing for long. */
  cut(isNoticed: boolean, awayMs = 300): void {
    const link = this.#link;
    if (link === null) return;
    this.#link = null;
    if (isNoticed) link.toGateway((connection) => connection.close());
    link.isOpen = false;
    this.#connectSoon(this.#random.delayMs(awayMs));
  }

  /** It loses what it remembers, and what it was doing. */
  reboot(): void {
    // Some are cut off in the very moment in which they have answered.
    const [callId] = this.#working.keys();
    if (callId !== undefined && this.#link !== null && this.#random.chance(this.#habits.lastWordsShare))
      this.#answer(this.#resultOf(callId));
    this.#boot += 1;
    this.#results.clear();
    for (const stop of this.#working.values()) stop();
    this.#working.clear();
    this.cut(this.#random.chance(0.5), this.#habits.bootMs);
  }

  /** It is gone for so long. */
  leave(forMs: number): void {
    if (this.#isAway) return;
    this.#isAway = true;
    this.cut(this.#random.chance(0.7));
    this.#scheduler.after(forMs, `${this.key} returns`, () => {
      this.#isAway = false;
      this.#connectSoon(1);
    });
  }

  #connectSoon(delayMs: number): void {
    this.#scheduler.after(delayMs, `${this.key} connects`, () => this.#connect());
  }

  #connect(): void {
    if (this.#link !== null || this.#isAway) return;
    const gateway = this.#pickGateway();
    if (gateway === null) return this.#connectSoon(500);
    const { machine } = gateway;
    const gatewayTurn = this.#channel();
    const deviceTurn = this.#channel();
    let connection: DeviceConnection | null = null;
    const link: Link = {
      isOpen: true,
      isRegistered: false,
      toGateway: (act) => {
        gatewayTurn(() => machine.enter(() => void (connection !== null && act(connection))));
      },
    };
    this.#link = link;
    const fromGateway = (act: () => void): void => deviceTurn(() => void (link.isOpen && act()));
    gatewayTurn(() =>
      machine.enter(() => {
        connection = gateway.devices.connect({
          isIntact: () => link.isOpen,
          receive: (message) => fromGateway(() => this.#receive(link, message)),
          closed: (code) => fromGateway(() => this.#closed(link, code)),
        });
      }),
    );
    machine.onDeath(() => fromGateway(() => this.#closed(link, CLOSE_CODES.goingAway)));
    this.#send(link, {
      type: "device.register",
      token: "t",
      deviceKey: this.key,
      platform: "browser",
      tools: DEVICE_TOOLS.map((name) => ({ name, description: "", inputSchema: {} })),
      bootId: `boot-${this.#boot}`,
      maxInFlight: 2,
    });
    // A gateway that does not answer (it may be frozen) is left for another one.
    this.#scheduler.after(6000, `${this.key} waits`, () => {
      if (this.#link === link && !link.isRegistered) this.cut(true);
    });
  }

  /** Messages of one direction stay in order. */
  #channel(): (run: () => void) => void {
    let lastAt = 0;
    return (run) => {
      lastAt = Math.max(lastAt, this.#scheduler.time + this.#random.delayMs(3));
      this.#scheduler.after(lastAt - this.#scheduler.time, `${this.key}-`, run);
    };
  }

  #closed(link: Link, code: number): void {
    if (this.#link !== link) return;
    this.#link = null;
    link.isOpen = false;
    this.#connectSoon(code === CLOSE_CODES.goingAway ? 50 : this.#random.delayMs(500));
  }

  #send(link: Link, message: DeviceMessage): void {
    // What was sent before the connection broke may arrive all the same.
    if (link.isOpen) link.toGateway((connection) => connection.message(message));
  }

  #receive(link: Link, message: GatewayMessage): void {
    switch (message.type) {
      case "device.registered":
        link.isRegistered = true;
        for (const { message: result, isHeard } of this.#results.values()) if (!isHeard) this.#send(link, result);
        return;
      case "tool.call.request":
        return this.#work(link, message);
      case "tool.call.cancel":
        this.#working.get(message.callId)?.();
        this.#working.delete(message.callId);
        return;
      case "tool.result.ack":
        return this.#heard(message.callId);
      case "error":
        return this.#refused(link, message.code, message.callId);
      case "pong":
        return;
      default:
        message satisfies never;
    }
  }

  #work(link: Link, { callId, attempt }: Extract<GatewayMessage, { type: "tool.call.request" }>): void {
    const known = this.#results.get(callId);
    if (known !== undefined) return this.#send(link, known.message);
    if (this.#working.has(callId)) return;
    this.#scheduler.trace(`${this.key} works on ${callId}`);
    this.#recorder.tookOn({ callId, attempt, by: `${this.key} in boot ${this.#boot}` });
    this.#send(link, { type: "tool.accepted", callId });
    if (this.#random.chance(this.#habits.neverShare)) return void this.#working.set(callId, () => {});
    const answer = this.#resultOf(callId);
    const stop = this.#scheduler.after(this.#random.delayMs(this.#habits.workMs), `${this.key} answers`, () => {
      this.#working.delete(callId);
      this.#answer(answer);
      if (this.#random.chance(this.#habits.twiceShare)) {
        const result = this.#random.chance(0.5) ? answer.result : `not what was said of ${callId}`;
        this.#scheduler.after(this.#random.delayMs(50), `${this.key} again`, () => {
          if (this.#link !== null) this.#send(this.#link, { type: "tool.result", callId, result });
        });
      }
    });
    this.#working.set(callId, stop);
  }

  #resultOf(callId: string): Result {
    return { type: "tool.result", callId, result: `${callId} by ${this.key} in boot ${this.#boot}` };
  }

  #answer(message: Result): void {
    this.#results.set(message.callId, { message, isHeard: false });
    if (this.#link !== null) this.#send(this.#link, message);
  }

  #heard(callId: string): void {
    this.#recorder.acknowledged(callId);
    const known = this.#results.get(callId);
    if (known !== undefined) known.isHeard = true;
  }

  #refused(link: Link, code: string, callId: string | undefined): void {
    if (callId === undefined) return;
    if (code !== "unavailable" && code !== "too_many_requests") return;
    this.#scheduler.after(this.#random.delayMs(200), `${this.key} tries`, () => {
      const known = this.#results.get(callId);
      if (known?.isHeard === false && this.#link === link) this.#send(link, known.message);
    });
  }
}
