import { CLOSE_CODES, type DeviceMessage, type GatewayMessage } from "@hsafa/protocol";
import { API_KEY, DEVICE_TOOLS } from "./agent.ts";
import { approvalFault } from "./approval-fault.ts";
import type { Random } from "./random.ts";
import type { Recorder } from "./recorder.ts";
import type { Scheduler } from "./scheduler.ts";
import type { SimulatedGateway } from "./simulated-gateway.ts";
import { type ClientSocket, openSocketLink } from "./socket-link.ts";

type Result = Extract<DeviceMessage, { type: "tool.result" }>;
type CallRequest = Extract<GatewayMessage, { type: "tool.call.request" }>;

/** How long a device waits for its registration before it tries another gateway, in virtual ms: one may be frozen. */
const REGISTRATION_MAX_MS = 6000;
/**
 * How long a gateway may take to answer a result once nothing goes wrong any more, in virtual ms. A statement that was
 * sent before may be waited for in vain for two leases.
 */
const ANSWER_MAX_MS = 8000;
/** How often a device does what it must not do, or shows a key that nobody knows. */
const MISDEED_SHARE = 0.03;
const PROGRESS_SHARE = 0.2;

/** One connection of the device. */
interface Link {
  readonly socket: ClientSocket;
  isRegistered: boolean;
  /** Whether it was opened with a key that nobody knows. */
  readonly isIntruder: boolean;
  /** Results that were sent on it and not answered yet, in order. */
  readonly unanswered: { readonly callId: string; readonly sentAt: number }[];
}

export interface DeviceHabits {
  /** How long it works on a call, about. */
  readonly workMs: number;
  readonly neverShare: number;
  /** Sends a result again: the same, or another one. */
  readonly twiceShare: number;
  /** How often it answers in the very moment in which it loses its memory. */
  readonly lastWordsShare: number;
  /** How long it takes to be back after that, about. */
  readonly bootMs: number;
}

export interface SimulatedDeviceParams {
  readonly key: string;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly recorder: Recorder;
  readonly habits: DeviceHabits;
  readonly pickGateway: () => SimulatedGateway | null;
}

/** A device whose runtime remembers what it answered until it reboots. */
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
  #isGone = false;
  /** By call id: what it answered in this boot, and whether the answer was heard. */
  readonly #results = new Map<string, { readonly message: Result; isHeard: boolean }>();
  /** By call id: how to stop the work on it. */
  readonly #working = new Map<string, () => void>();

  constructor(params: SimulatedDeviceParams) {
    this.key = params.key;
    this.#scheduler = params.scheduler;
    this.#random = params.random;
    this.#recorder = params.recorder;
    this.#habits = params.habits;
    this.#pickGateway = params.pickGateway;
    this.#connectSoon(10);
  }

  /** The connection breaks. The gateway learns of it now, or only when it hears nothing for long. */
  cut(isNoticed: boolean, awayMs = 300): void {
    if (!this.#drop(isNoticed)) return;
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

  /** It is gone for good: as a rule from the connection that it has, now and then while it registers on another. */
  leaveForGood(random: Random): void {
    if (random.chance(0.3)) {
      this.#drop(random.chance(0.5));
      this.#connect();
      this.#scheduler.after(random.between(0, 12), `${this.key} is gone`, () => this.#drop(true));
    } else {
      this.#drop(random.chance(0.5));
    }
    this.#isGone = true;
  }

  /** A gateway that lives and was not hindered answers every result on a connection that stays open. */
  checkAnswered(): void {
    for (const { callId, sentAt } of this.#link?.unanswered ?? []) {
      if (this.#scheduler.time - sentAt > ANSWER_MAX_MS)
        this.#recorder.fail("device", `${this.key} was never answered on its result of ${callId}`);
    }
  }

  /** Returns whether there was a connection. */
  #drop(isNoticed: boolean): boolean {
    const link = this.#link;
    if (link === null) return false;
    this.#link = null;
    if (isNoticed) link.socket.close();
    else link.socket.lose();
    return true;
  }

  #connectSoon(delayMs: number): void {
    this.#scheduler.after(delayMs, `${this.key} connects`, () => {
      if (!this.#isAway && !this.#isGone) this.#connect();
    });
  }

  #connect(): void {
    if (this.#link !== null) return;
    const gateway = this.#pickGateway();
    if (gateway === null) return this.#connectSoon(500);
    const isIntruder = this.#random.chance(MISDEED_SHARE);
    const link: Link = {
      isRegistered: false,
      isIntruder,
      unanswered: [],
      socket: openSocketLink({
        name: this.key,
        machine: gateway.machine,
        scheduler: this.#scheduler,
        random: this.#random,
        accept: (transport) => gateway.acceptDevice(transport),
        events: {
          text: (text) => this.#receive(link, JSON.parse(text) as GatewayMessage),
          closed: (code) => this.#closed(link, code),
        },
      }),
    };
    this.#link = link;
    this.#register(link);
    this.#scheduler.after(REGISTRATION_MAX_MS, `${this.key} waits`, () => {
      if (this.#link === link && !link.isRegistered) this.cut(true);
    });
  }

  #register(link: Link): void {
    this.#send(link, {
      type: "device.register",
      token: link.isIntruder ? "a key that nobody knows" : API_KEY,
      deviceKey: this.key,
      platform: "browser",
      tools: DEVICE_TOOLS.map((name) => ({ name, description: "", inputSchema: {} })),
      bootId: `boot-${this.#boot}`,
      maxInFlight: 2,
    });
  }

  #closed(link: Link, code: number): void {
    this.#scheduler.trace(`${this.key} closed with ${code}`);
    if (this.#link !== link) return;
    this.#link = null;
    if (code === CLOSE_CODES.heartbeatMissed && link.isRegistered)
      this.#recorder.fail("device", `${this.key} lives, and was dropped because nothing was heard of it`);
    if (code === CLOSE_CODES.replaced)
      this.#recorder.fail("device", `${this.key} was told to stop on the only connection that it has`);
    if (code === CLOSE_CODES.protocolError) this.#recorder.fail("device", `${this.key} was closed for its messages`);
    this.#connectSoon(code === CLOSE_CODES.goingAway ? 50 : this.#random.delayMs(500));
  }

  #send(link: Link, message: DeviceMessage): void {
    if (message.type === "tool.result") link.unanswered.push({ callId: message.callId, sentAt: this.#scheduler.time });
    link.socket.send(JSON.stringify(message));
  }

  #receive(link: Link, message: GatewayMessage): void {
    if (this.#link !== link) return;
    switch (message.type) {
      case "device.registered":
        return this.#registered(link);
      case "tool.call.request":
        return this.#work(link, message);
      case "tool.call.cancel":
        this.#working.get(message.callId)?.();
        this.#working.delete(message.callId);
        return;
      case "tool.result.ack":
        this.#answered(link, message.callId);
        return this.#heard(message.callId);
      case "error":
        if (message.callId !== undefined) this.#refused(link, message.code, message.callId);
        return;
      case "pong":
      case "device.pairing":
      case "device.draining":
        return;
      default:
        message satisfies never;
    }
  }

  #registered(link: Link): void {
    if (link.isIntruder) this.#recorder.fail("device", `${this.key} was registered with a key that nobody knows`);
    if (link.isRegistered) this.#recorder.fail("device", `${this.key} was registered twice on one connection`);
    link.isRegistered = true;
    for (const { message: result, isHeard } of this.#results.values()) if (!isHeard) this.#send(link, result);
    if (this.#random.chance(MISDEED_SHARE)) this.#register(link);
  }

  #work(link: Link, request: CallRequest): void {
    const { callId, attempt } = request;
    const known = this.#results.get(callId);
    if (known !== undefined) return this.#send(link, known.message);
    if (this.#working.has(callId)) return;
    this.#scheduler.trace(`${this.key} works on ${callId}`);
    const fault = approvalFault(this.#recorder.history(request.runId), request, this.key);
    if (fault !== null) this.#recorder.fail("approval", fault);
    this.#recorder.tookOn({ callId, attempt, by: `${this.key} in boot ${this.#boot}` });
    this.#send(link, { type: "tool.accepted", callId });
    if (this.#random.chance(PROGRESS_SHARE)) this.#send(link, { type: "tool.progress", callId, data: "begun" });
    if (this.#random.chance(this.#habits.neverShare)) return void this.#working.set(callId, () => {});
    const answer = this.#resultOf(callId);
    const stop = this.#scheduler.after(this.#random.delayMs(this.#habits.workMs), `${this.key} answers`, () => {
      this.#working.delete(callId);
      this.#answer(answer);
      if (this.#random.chance(this.#habits.twiceShare)) this.#answerAgain(answer);
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

  /** With the same result, or with another one. */
  #answerAgain({ callId, result }: Result): void {
    const again = this.#random.chance(0.5) ? result : `not what was said of ${callId}`;
    this.#scheduler.after(this.#random.delayMs(50), `${this.key} again`, () => {
      if (this.#link !== null) this.#send(this.#link, { type: "tool.result", callId, result: again });
    });
  }

  /** Messages of a connection are handled in order, and so are results answered. */
  #answered(link: Link, callId: string): void {
    const first = link.unanswered.shift();
    if (first?.callId !== callId)
      this.#recorder.fail("device", `${this.key} was answered on ${callId} before ${first?.callId ?? "it was sent"}`);
  }

  #heard(callId: string): void {
    this.#recorder.acknowledged(callId);
    const known = this.#results.get(callId);
    if (known !== undefined) known.isHeard = true;
  }

  #refused(link: Link, code: string, callId: string): void {
    this.#answered(link, callId);
    if (code !== "unavailable" && code !== "too_many_requests") return;
    this.#scheduler.after(this.#random.delayMs(200), `${this.key} tries`, () => {
      const known = this.#results.get(callId);
      if (known?.isHeard === false && this.#link === link) this.#send(link, known.message);
    });
  }
}
