import type { WatchAnswer, WatchMessage } from "@hsafa/protocol";
import { API_KEY } from "./agent.ts";
import type { Random } from "./random.ts";
import { pauseOfReader, pauseShare, type RunStream, type StreamEvents } from "./run-stream.ts";
import type { Scheduler } from "./scheduler.ts";
import type { SimulatedGateway } from "./simulated-gateway.ts";
import { type ClientSocket, openSocketLink } from "./socket-link.ts";

interface Link {
  readonly gateway: SimulatedGateway;
  readonly socket: ClientSocket;
  readonly runs: Map<string, StreamEvents>;
  /**
   * By run: how many subscriptions the gateway has not answered yet. What it says of the run meanwhile belongs to an
   * earlier one.
   */
  readonly unanswered: Map<string, number>;
}

/** For how long a connection without runs is kept, in virtual ms. */
const IDLE_MAX_MS = 2000;

/** A client that follows several runs on one watch socket. */
export class WatchClient {
  readonly isSlow: boolean;
  readonly #name: string;
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #pickGateway: () => SimulatedGateway | null;
  readonly #reserved = new Set<string>();
  #link: Link | null = null;

  constructor(params: {
    readonly name: string;
    readonly isSlow: boolean;
    readonly scheduler: Scheduler;
    readonly random: Random;
    readonly pickGateway: () => SimulatedGateway | null;
  }) {
    this.#name = params.name;
    this.isSlow = params.isSlow;
    this.#scheduler = params.scheduler;
    this.#random = params.random;
    this.#pickGateway = params.pickGateway;
  }

  /** Takes on a watcher of this run. False if it has one: a gateway takes a run once on a connection. */
  reserve(runId: string): boolean {
    if (this.#reserved.has(runId)) return false;
    this.#reserved.add(runId);
    return true;
  }

  /** Subscribes to a run, on the connection that there is or on a new one. Null: no gateway can be reached. */
  subscribe(runId: string, after: string | undefined, events: StreamEvents): RunStream | null {
    this.#link ??= this.#connect();
    const link = this.#link;
    if (link === null) return null;
    link.runs.set(runId, events);
    link.unanswered.set(runId, (link.unanswered.get(runId) ?? 0) + 1);
    send(link, after === undefined ? { type: "subscribe", runId } : { type: "subscribe", runId, after });
    return {
      gateway: link.gateway,
      close: () => this.#unsubscribe(link, runId),
      abandon: () => {
        link.runs.delete(runId);
        if (this.#link === link) this.cut(true);
      },
    };
  }

  /** The connection breaks. The gateway learns of it now, or only when it hears nothing for long. */
  cut(isNoticed: boolean): void {
    const link = this.#link;
    if (link === null) return;
    if (isNoticed) link.socket.close();
    else link.socket.lose();
    this.#lose(link);
  }

  #connect(): Link | null {
    const gateway = this.#pickGateway();
    if (gateway === null) return null;
    const link: Link = {
      gateway,
      runs: new Map(),
      unanswered: new Map(),
      socket: openSocketLink({
        name: this.#name,
        machine: gateway.machine,
        scheduler: this.#scheduler,
        random: this.#random,
        accept: (transport) => gateway.acceptWatcher(transport),
        pauseMs: () => this.#pauseMs(),
        events: {
          text: (text) => this.#receive(link, text),
          closed: () => this.#lose(link),
        },
      }),
    };
    send(link, { type: "auth", token: API_KEY });
    return link;
  }

  #pauseMs(): number | null {
    return this.#random.chance(pauseShare(this.isSlow)) ? pauseOfReader(this.#random, this.isSlow) : null;
  }

  #unsubscribe(link: Link, runId: string): void {
    this.#forget(link, runId);
    send(link, { type: "unsubscribe", runId });
  }

  /** A connection that carries no run any more is closed, unless another run comes soon. */
  #forget(link: Link, runId: string): void {
    link.runs.delete(runId);
    if (link.runs.size > 0) return;
    this.#scheduler.after(IDLE_MAX_MS, `${this.#name} is idle`, () => {
      if (this.#link === link && link.runs.size === 0) this.cut(true);
    });
  }

  #lose(link: Link): void {
    if (this.#link !== link) return;
    this.#link = null;
    const lost = [...link.runs.values()];
    link.runs.clear();
    for (const events of lost) events.lost();
  }

  #receive(link: Link, text: string): void {
    if (this.#link !== link) return;
    const message = JSON.parse(text) as WatchAnswer;
    const runId = "runId" in message ? message.runId : undefined;
    if (runId === undefined) return;
    const unanswered = link.unanswered.get(runId) ?? 0;
    const isAnswer = unanswered > 0 && (message.type === "subscribed" || message.type === "error");
    if (isAnswer) link.unanswered.set(runId, unanswered - 1);
    const events = link.runs.get(runId);
    const isOfEarlier = isAnswer ? unanswered > 1 : unanswered > 0;
    if (events === undefined || isOfEarlier) return;
    switch (message.type) {
      case "subscribed":
        return;
      case "ended":
        this.#forget(link, runId);
        return events.ended();
      case "error":
        this.#forget(link, runId);
        return events.refused(message.code, message.message);
      default:
        events.event(text, message);
    }
  }
}

function send(link: Link, message: WatchMessage): void {
  link.socket.send(JSON.stringify(message));
}
