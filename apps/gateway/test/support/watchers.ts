import { Agent, get, type IncomingMessage } from "node:http";
import type { RunEvent } from "@hsafa/protocol";
import type { TestGateway } from "./test-gateway.ts";

/** One stream of a run, from its request until its end or its cut. */
export interface Watcher {
  /** The events so far that have a position, in the order in which they came. */
  readonly events: readonly RunEvent[];
  /** Resolves when the server ended the response or sent 204, or when it was cut. Rejects if it broke otherwise. */
  readonly over: Promise<void>;
  /** Resolves as soon as `isIt` is true of the events so far. Rejects if the stream is over before. */
  until(isIt: (events: readonly RunEvent[]) => boolean): Promise<void>;
  /** Breaks the connection as a network does, and takes no more events. */
  cut(): void;
}

export interface WatchParams {
  readonly runId: string;
  /** Sent as `Last-Event-ID`. */
  readonly after?: string | undefined;
  /** Called with each event; it may cut. */
  readonly onEvent?: (event: RunEvent, watcher: Watcher) => void;
}

/**
 * Opens many streams of runs by SSE, on kept connections. Equal frames become one object for all watchers, so that
 * comparing hundreds of records costs little.
 */
export class Watchers {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #known = new Map<string, RunEvent>();

  /** Follows a run. The test must await `over`, or cut the watcher. */
  open(gateway: TestGateway, params: WatchParams): Watcher {
    const events: RunEvent[] = [];
    const waiting = new Set<() => void>();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // Only a test that awaits `over` learns of a failure.
    promise.catch(() => {});
    let isOver = false;
    const watcher: Watcher = {
      events,
      over: promise,
      async until(isIt) {
        while (!isIt(events)) {
          if (isOver) throw new Error(`the stream ended after ${events.at(-1)?.id}, before what was waited for`);
          await new Promise<void>((wake) => waiting.add(wake));
        }
      },
      cut() {
        over();
        request.destroy();
      },
    };
    const stir = (): void => {
      for (const wake of waiting) wake();
      waiting.clear();
    };
    const over = (error?: Error): void => {
      if (isOver) return;
      isOver = true;
      if (error === undefined) resolve();
      else reject(error);
      stir();
    };
    const headers = {
      authorization: `Bearer ${gateway.apiKey}`,
      ...(params.after === undefined ? {} : { "last-event-id": params.after }),
    };
    const url = `${gateway.url}/api/runs/${params.runId}/stream`;
    const request = get(url, { agent: this.#agent, headers }, (response) => this.#read(response, take, over));
    request.on("error", over);
    const take = (event: RunEvent): void => {
      if (isOver) return;
      events.push(event);
      params.onEvent?.(event, watcher);
      stir();
    };
    return watcher;
  }

  /** Follows a run to the end of the stream, and returns its events. */
  async watch(gateway: TestGateway, params: WatchParams): Promise<readonly RunEvent[]> {
    const watcher = this.open(gateway, params);
    await watcher.over;
    return watcher.events;
  }

  /** Closes the connections. Watchers that are still open break. */
  close(): void {
    this.#agent.destroy();
  }

  #read(response: IncomingMessage, take: (event: RunEvent) => void, over: (error?: Error) => void): void {
    const { statusCode } = response;
    let rest = "";
    response.setEncoding("utf8");
    response.on("data", (text: string) => {
      if (statusCode !== 200) {
        rest += text;
        return;
      }
      // Only a whole frame is an event, as for an EventSource.
      const frames = (rest + text).split("\n\n");
      rest = frames.pop() ?? "";
      for (const frame of frames) if (frame.startsWith("id: ")) take(this.#eventOf(frame));
    });
    response.on("end", () =>
      over(
        statusCode === 200 || statusCode === 204 ? undefined : new Error(`the stream answered ${statusCode}: ${rest}`),
      ),
    );
    response.on("error", over);
  }

  #eventOf(frame: string): RunEvent {
    const known = this.#known.get(frame);
    if (known !== undefined) return known;
    const [idLine = "", dataLine = "", ...others] = frame.split("\n");
    if (!dataLine.startsWith("data: ") || others.length > 0) throw new Error(`a frame in another form: ${frame}`);
    const event = JSON.parse(dataLine.slice("data: ".length)) as RunEvent;
    if (idLine !== `id: ${event.id}`) throw new Error(`the event ${event.id} came with the line '${idLine}'`);
    this.#known.set(frame, event);
    return event;
  }
}
