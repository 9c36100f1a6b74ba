import type { MessageTransport, TransportEvents } from "../../src/edge/socket/message-transport.ts";
import { SOCKET_CLOSE_TIMEOUT_MS } from "../../src/edge/limits.ts";
import type { Machine } from "./machine.ts";
import type { Random } from "./random.ts";
import type { Scheduler } from "./scheduler.ts";

/** A connection that ended without a close frame. */
const CLOSE_ABNORMAL = 1006;

/** A pong and its header. */
const PONG_BYTES = 6;
/** What counts as waiting for a client that does not read: more than any socket takes. */
const UNREAD_BYTES = Number.MAX_SAFE_INTEGER;

/** What the client of a simulated WebSocket hears. */
export interface ClientEvents {
  text(text: string): void;
  /** The connection is closed. It comes once, unless the client closed or lost it itself. */
  closed(code: number): void;
}

/** The client's end of a simulated WebSocket. */
export interface ClientSocket {
  send(text: string): void;
  /** Closes the connection: the gateway hears of it. */
  close(): void;
  /** Loses the network: nobody hears anything from now on but what is under way. */
  lose(): void;
}

export interface SocketLinkParams {
  /** For the trace. */
  readonly name: string;
  readonly machine: Machine;
  readonly scheduler: Scheduler;
  readonly random: Random;
  /** Serves the gateway's end. Returns false if the gateway takes no connections. */
  readonly accept: (transport: MessageTransport) => boolean;
  /**
   * Asked at each message of the gateway: for how long, in virtual ms, the client reads nothing from now on; null: it
   * reads. Without: it always reads.
   */
  readonly pauseMs?: () => number | null;
  readonly events: ClientEvents;
}

/** Opens a WebSocket from a client to a machine. */
export function openSocketLink(params: SocketLinkParams): ClientSocket {
  return new SocketLink(params).client;
}

/**
 * A WebSocket over a simulated network.
 *
 * 1. What one side sends reaches the other in order, after a delay, and as a whole.
 * 2. A client that lost its network hears nothing more. The gateway hears nothing more either, no pong and no close:
 *    only its heartbeat finds out.
 * 3. The gateway's end obeys the contract of `MessageTransport`: it pauses, and `closed` comes last, once, and in
 *    bounded time after `close`. While the client reads nothing, what is sent stays in the gateway's process.
 * 4. When the machine dies its connections are reset.
 */
class SocketLink {
  readonly client: ClientSocket;
  readonly #params: SocketLinkParams;
  readonly #toGateway: Channel;
  readonly #toClient: Channel;
  #clientState: "open" | "closed" | "lost" = "open";
  #gatewayState: "open" | "closing" | "closed" = "open";
  #events: TransportEvents | null = null;
  #isPaused = false;
  /** What came in and waits for the gateway to read it. */
  readonly #unread: (() => void)[] = [];
  /** What the gateway sent while the client reads nothing; null while it reads. */
  #unsent: (() => void)[] | null = null;

  constructor(params: SocketLinkParams) {
    const { machine, scheduler, random, name } = params;
    this.#params = params;
    this.#toGateway = new Channel(scheduler, random, `${name}>${machine.name}`);
    this.#toClient = new Channel(scheduler, random, `${machine.name}>${name}`);
    this.client = {
      send: (text) => {
        const byteLength = Buffer.byteLength(text);
        if (this.#clientState !== "open") return;
        this.#reach(() => {
          this.#events?.bytes(byteLength);
          this.#events?.text(text, byteLength);
        });
      },
      close: () => {
        if (this.#clientState !== "open") return;
        this.#clientState = "closed";
        this.#reach(() => this.#closedAtGateway());
      },
      lose: () => {
        if (this.#clientState === "open") this.#clientState = "lost";
      },
    };
    this.#toGateway.carry(() => machine.enter(() => this.#connect()));
    machine.onDeath(() => this.#tell(() => this.#closedAtClient(CLOSE_ABNORMAL))); // 4.
  }

  #connect(): void {
    const transport = this.#transport();
    if (this.#params.accept(transport)) return;
    this.#gatewayState = "closed";
    this.#tell(() => this.#closedAtClient(CLOSE_ABNORMAL));
  }

  #transport(): MessageTransport {
    const { machine, scheduler, name } = this.#params;
    const unsentBytes = (): number => (this.#unsent === null ? 0 : UNREAD_BYTES);
    return {
      open: (events) => {
        this.#events = events;
      },
      send: (text, onSent) => {
        if (this.#gatewayState !== "open" || !machine.mayAct()) return;
        this.#maybePause();
        const sent = typeof text === "string" ? text : Buffer.from(text).toString("utf8");
        this.#send(() => {
          this.#tell(() => this.#params.events.text(sent));
          queueMicrotask(onSent);
        });
      },
      batch: (write) => write(),
      ping: () => {
        if (this.#gatewayState === "open" && machine.mayAct()) this.#send(() => this.#ping());
      },
      pause: () => {
        this.#isPaused = true;
      },
      resume: () => {
        this.#isPaused = false;
        // What waited is read in a turn of its own.
        if (this.#unread.length > 0) scheduler.after(0, `${name} is read`, () => machine.enter(() => this.#read()));
      },
      close: (code) => this.#close(code),
      terminate: () => {
        if (this.#gatewayState === "closed" || !machine.mayAct()) return;
        this.#unsent = null;
        this.#tell(() => this.#closedAtClient(CLOSE_ABNORMAL));
        queueMicrotask(() => this.#closedAtGateway());
      },
      get bufferedAmount() {
        return unsentBytes();
      },
    };
  }

  /** Now and then the client reads nothing for a while, and then everything (3). */
  #maybePause(): void {
    const { machine, scheduler, name, pauseMs } = this.#params;
    if (this.#unsent !== null) return;
    const forMs = pauseMs?.() ?? null;
    if (forMs === null) return;
    this.#unsent = [];
    scheduler.after(forMs, `${name} reads`, () =>
      machine.enter(() => {
        const unsent = this.#unsent ?? [];
        this.#unsent = null;
        for (const send of unsent) send();
      }),
    );
  }

  /** Sends something behind what waits. */
  #send(send: () => void): void {
    if (this.#unsent === null) send();
    else this.#unsent.push(send);
  }

  #ping(): void {
    this.#tell(() => {
      if (this.#clientState !== "open") return;
      this.#reach(() => {
        this.#events?.bytes(PONG_BYTES);
        this.#events?.pong();
      });
    });
  }

  /** Begins to close from the gateway's side: the client answers, or the gateway waits no longer (3). */
  #close(code: number): void {
    const { machine } = this.#params;
    if (this.#gatewayState !== "open" || !machine.mayAct()) return;
    this.#gatewayState = "closing";
    machine.clock.after(SOCKET_CLOSE_TIMEOUT_MS, () => this.#closedAtGateway());
    this.#send(() =>
      this.#tell(() => {
        if (this.#clientState === "open") this.#reach(() => this.#closedAtGateway());
        this.#closedAtClient(code);
      }),
    );
  }

  #closedAtGateway(): void {
    if (this.#gatewayState === "closed") return;
    this.#gatewayState = "closed";
    this.#events?.closed();
  }

  #closedAtClient(code: number): void {
    if (this.#clientState !== "open") return;
    this.#clientState = "closed";
    this.#params.events.closed(code);
  }

  /** Lets the client hear something, unless it has closed or lost the connection by then (1, 2). */
  #tell(run: () => void): void {
    this.#toClient.carry(() => {
      if (this.#clientState === "open") run();
    });
  }

  /** Lets the gateway hear something, once it reads (1). */
  #reach(run: () => void): void {
    this.#toGateway.carry(() =>
      this.#params.machine.enter(() => {
        this.#unread.push(run);
        this.#read();
      }),
    );
  }

  #read(): void {
    while (!this.#isPaused && this.#gatewayState !== "closed") {
      const run = this.#unread.shift();
      if (run === undefined) return;
      run();
    }
  }
}

/**
 * One direction of a connection: what is carried arrives later, and in order. The times of two arrivals may differ by a
 * rounding error, so each arrival takes what was sent first, whenever it was meant to arrive.
 */
class Channel {
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #label: string;
  readonly #onItsWay: (() => void)[] = [];
  #lastAt = 0;

  constructor(scheduler: Scheduler, random: Random, label: string) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.#label = label;
  }

  carry(run: () => void): void {
    this.#lastAt = Math.max(this.#lastAt, this.#scheduler.time + this.#random.delayMs(3));
    this.#onItsWay.push(run);
    this.#scheduler.after(this.#lastAt - this.#scheduler.time, this.#label, () => this.#onItsWay.shift()?.());
  }
}
