import {
  CLOSE_CODES,
  ERRORS,
  isTerminalType,
  type RunEvent,
  type WatchAnswer,
  type WatchMessage,
} from "@hsafa/protocol";
import { WebSocket } from "ws";

/** A run as it came over `WS /api/watch`. */
export interface FollowedRun {
  /** Every event with a position, as it came. An event that came twice is in it twice. */
  readonly record: readonly RunEvent[];
  /** How often it was subscribed to again after its last event. */
  readonly resumes: number;
  /** What a gateway sent that it must not send. */
  readonly faults: readonly string[];
}

/** Follows many runs over one connection, which is replaced when it breaks. */
export interface WatchSocket {
  /** The number of runs that are followed. */
  readonly open: number;
  /** Follows a run from its first event. Resolves when the run has ended or is refused for good. Never rejects. */
  follow(runId: string): Promise<FollowedRun>;
}

/**
 * The silence after which a connection is given up, in milliseconds. A gateway answers a ping at once, so its link
 * hangs or it is frozen. It is shorter than the time in which a client must authenticate.
 */
const SILENCE_MAX_MS = 1500;
const PING_EVERY_MS = 500;
/** Pause before a connection or a retryable subscription is tried again, in milliseconds. */
const RETRY_PAUSE_MS = 150;

/**
 * Close codes after which a client connects again: it was told to, or the connection broke. Any other code accuses the
 * client, which is a fault, because this client behaves.
 */
const COME_BACK: ReadonlySet<number> = new Set([CLOSE_CODES.goingAway, CLOSE_CODES.heartbeatMissed, 1006]);

interface Following {
  readonly record: RunEvent[];
  readonly faults: string[];
  resumes: number;
  /** The state of its subscription on the present connection. */
  subscription: "none" | "asked" | "confirmed";
  readonly end: () => void;
}

export function openWatchSocket(params: {
  readonly url: string;
  readonly apiKey: string;
  /** The silence after which a connection is given up, in milliseconds. */
  readonly silenceMaxMs?: number;
}): WatchSocket {
  const { url, apiKey, silenceMaxMs = SILENCE_MAX_MS } = params;
  const runs = new Map<string, Following>();
  /** Sends to the gateway that has authenticated us; null if there is none. */
  let say: ((message: WatchMessage) => void) | null = null;
  /** Whether there is a connection, or one is being made, or a retry is due. */
  let hasConnection = false;

  function connect(): void {
    hasConnection = true;
    const socket = new WebSocket(`${url.replace(/^http/, "ws")}/api/watch`);
    let heardAt = performance.now();
    const heard = (): void => {
      heardAt = performance.now();
    };
    const beat = setInterval(() => {
      // Given up: nothing that this connection may still bring is taken.
      if (performance.now() - heardAt > silenceMaxMs) socket.terminate();
      else if (socket.readyState === WebSocket.OPEN) socket.ping();
    }, PING_EVERY_MS);
    socket.on("open", () => {
      heard();
      socket.send(JSON.stringify({ type: "auth", token: apiKey } satisfies WatchMessage));
    });
    socket.on("pong", heard).on("ping", heard);
    socket.on("message", (data: Buffer) => {
      heard();
      if (socket.readyState !== WebSocket.OPEN) return;
      hear(JSON.parse(data.toString()) as WatchAnswer, (message) => socket.send(JSON.stringify(message)));
    });
    // `close` follows with the code.
    socket.on("error", () => {});
    socket.on("close", (code, reason) => {
      clearInterval(beat);
      lose(code, reason.toString());
    });
  }

  function lose(code: number, reason: string): void {
    const wasAdmitted = say !== null;
    say = null;
    for (const run of runs.values()) run.subscription = "none";
    if (!COME_BACK.has(code)) {
      accuse(`a gateway closed the socket with ${code}: ${reason}`);
      for (const run of runs.values()) run.end();
    }
    const isAtOnce = wasAdmitted && code === CLOSE_CODES.goingAway;
    setTimeout(
      () => {
        hasConnection = false;
        if (runs.size > 0) connect();
      },
      isAtOnce ? 0 : RETRY_PAUSE_MS,
    );
  }

  function hear(answer: WatchAnswer, send: (message: WatchMessage) => void): void {
    switch (answer.type) {
      case "authenticated":
        say = send;
        for (const runId of runs.keys()) subscribe(runId);
        return;
      case "thread.run":
        return;
      case "subscribed":
        if (!("runId" in answer)) return;
        return withRun(answer.runId, "subscribed", (run) => {
          if (run.subscription !== "asked") run.faults.push("it was subscribed to without being asked for");
          run.subscription = "confirmed";
        });
      case "ended":
        return withRun(answer.runId, "ended", (run) => {
          const last = run.record.at(-1);
          const isRight = run.subscription === "confirmed" && last !== undefined && isTerminalType(last.type);
          if (!isRight) run.faults.push(`it was said to have ended at ${last?.id ?? "nothing"}`);
          run.end();
        });
      case "error":
        return hearError(answer);
      case "tool.progress":
      case "pong":
        return;
      case "stream.rewound":
        return withRun(answer.runId, "rewound", (run) => run.faults.push("it was rewound, though nothing was lost"));
      default:
        return withRun(answer.runId, answer.id, (run) => {
          if (run.subscription !== "confirmed") run.faults.push(`${answer.id} came before the run was subscribed to`);
          run.record.push(answer);
        });
    }
  }

  function hearError({ runId, code, message }: Extract<WatchAnswer, { type: "error" }>): void {
    const isRetryable = Object.hasOwn(ERRORS, code) && ERRORS[code as keyof typeof ERRORS].retryable;
    if (runId === undefined) {
      // After a retryable error the gateway closes the socket.
      if (!isRetryable) accuse(`a gateway said ${code}: ${message}`);
      return;
    }
    withRun(runId, code, (run) => {
      run.subscription = "none";
      if (isRetryable) {
        setTimeout(() => subscribe(runId), RETRY_PAUSE_MS);
        return;
      }
      run.faults.push(`it was refused: ${code}: ${message}`);
      run.end();
    });
  }

  function subscribe(runId: string): void {
    const run = runs.get(runId);
    if (run === undefined || say === null || run.subscription !== "none") return;
    run.subscription = "asked";
    const after = run.record.at(-1)?.id;
    if (after !== undefined) run.resumes += 1;
    say({ type: "subscribe", runId, after });
  }

  /** Handles a message about a run, which must be followed here. */
  function withRun(runId: string, what: string, tell: (run: Following) => void): void {
    const run = runs.get(runId);
    if (run === undefined) accuse(`a gateway said ${what} of run ${runId}, which is not followed or has ended`);
    else tell(run);
  }

  /** Records a fault that belongs to no one run, with all runs that are followed. */
  function accuse(fault: string): void {
    for (const run of runs.values()) run.faults.push(fault);
  }

  return {
    get open() {
      return runs.size;
    },
    follow: (runId) =>
      new Promise((resolve) => {
        const run: Following = {
          record: [],
          faults: [],
          resumes: 0,
          subscription: "none",
          end() {
            runs.delete(runId);
            resolve(run);
          },
        };
        runs.set(runId, run);
        if (say !== null) subscribe(runId);
        else if (!hasConnection) connect();
      }),
  };
}
