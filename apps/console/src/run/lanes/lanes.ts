/**
 * A run as lanes over time: people, the model, one lane for each device, and the gateway that holds the run. It is made
 * from facts alone, and pure.
 */
import type { FactEvent, ToolCall } from "@hsafa/protocol";
import type { Tone } from "../../words/status-words.ts";
import { duration } from "../../words/duration.ts";
import { positionOf } from "../record/run-record.ts";

/** Something that lasted. `to`: null while it lasts. */
export interface Bar {
  readonly from: number;
  readonly to: number | null;
  readonly tone: Tone;
  readonly label: string;
  /** The fact that began it. */
  readonly seq: number;
  readonly callId?: string;
}

/** Something that happened at one time. */
export interface Mark {
  readonly at: number;
  readonly tone: Tone;
  readonly label: string;
  readonly seq: number;
}

/** One lane. */
export interface Lane {
  readonly id: string;
  readonly name: string;
  readonly bars: readonly Bar[];
  readonly marks: readonly Mark[];
}

interface OpenLane extends Lane {
  readonly bars: Bar[];
  readonly marks: Mark[];
}

/** What is known of a call beside its facts: which device had it. */
export type KnownCall = Pick<ToolCall, "id" | "deviceId" | "deviceKey">;

const MODEL = "model";
const PEOPLE = "people";
const GATEWAY = "gateway";

/** Makes the lanes of a run. Those without anything are left out. */
export function lanesOf(facts: readonly FactEvent[], calls: readonly KnownCall[]): Lane[] {
  const lanes = new Lanes(calls);
  for (const fact of facts) lanes.take(fact);
  return lanes.all();
}

/** The lanes as they grow, fact by fact. */
export class Lanes {
  /** When each fact was made, in ms since the epoch. */
  readonly times: number[] = [];
  readonly #lanes = new Map<string, OpenLane>();
  readonly #known: ReadonlyMap<string, KnownCall>;
  /** What devices call themselves, by id. */
  readonly #keys: ReadonlyMap<string, string>;
  /** The lane and the index of the last bar that is open, by what it is of: a step, a call, a question, the run. */
  readonly #open = new Map<string, { readonly lane: OpenLane; readonly index: number }>();
  /** By call: its tool, and where it executes. */
  readonly #calls = new Map<string, { readonly toolName: string; readonly target: string }>();

  constructor(calls: readonly KnownCall[]) {
    this.#known = new Map(calls.map((call) => [call.id, call]));
    this.#keys = new Map(
      calls.flatMap(({ deviceId, deviceKey }) =>
        deviceId === null || deviceKey === null ? [] : [[deviceId, deviceKey]],
      ),
    );
    this.#lane(PEOPLE, "people");
    this.#lane(MODEL, "model");
  }

  /** Returns those that have anything, in the order of a page. They go on growing. */
  all(): Lane[] {
    const order = (lane: Lane): number =>
      lane.id === PEOPLE ? 0 : lane.id === MODEL ? 1 : lane.id === GATEWAY ? 3 : 2;
    return [...this.#lanes.values()]
      .filter(({ bars, marks }) => bars.length + marks.length > 0)
      .toSorted((a, b) => order(a) - order(b));
  }

  /** Takes the next fact. */
  take(fact: FactEvent): void {
    const at = Date.parse(fact.ts);
    this.times.push(at);
    const { seq } = positionOf(fact);
    switch (fact.type) {
      case "message.user":
        return this.#mark(PEOPLE, { at, seq, tone: "running", label: "a message" });
      case "run.started":
      case "run.resumed":
        return this.#begin("run", this.#lane(GATEWAY, "gateway"), this.#held(at, seq, fact.data.epoch));
      case "run.recovered": {
        this.#end("run", at, "recovered");
        this.#mark(GATEWAY, { at, seq, tone: "recovered", label: "taken over by another holder" });
        return this.#begin("run", this.#lane(GATEWAY, "gateway"), this.#held(at, seq, fact.data.epoch));
      }
      case "run.waiting":
        return this.#end("run", at);
      case "run.retrying":
        // Nobody holds it until the next attempt.
        this.#end("run", at);
        return this.#mark(MODEL, {
          at,
          seq,
          tone: "failed",
          label: `attempt ${fact.data.attempt} failed: ${fact.data.error.message}`,
        });
      case "step.started": {
        const label = fact.data.summarizesThrough === undefined ? `step ${fact.data.step}` : "a summary of the thread";
        return this.#begin("step", this.#lane(MODEL, "model"), { from: at, to: null, tone: "running", label, seq });
      }
      case "step.completed":
        return this.#end("step", at, "completed", firstWordsOf(fact.data.firstPartMs));
      case "step.discarded": {
        const { reason } = fact.data;
        const tone = reason === "cancel" ? "canceled" : reason === "error" ? "failed" : "recovered";
        return this.#end("step", at, tone, `cut short: ${reason}`);
      }
      case "tool.requested": {
        const { callId, toolName, target } = fact.data;
        this.#calls.set(callId, { toolName, target });
        return;
      }
      case "tool.awaiting_approval": {
        const { toolName = "" } = this.#calls.get(fact.data.callId) ?? {};
        const bar: Bar = {
          from: at,
          to: null,
          tone: "waiting",
          label: `may ${toolName} be called?`,
          seq,
          callId: fact.data.callId,
        };
        return this.#begin(`question ${fact.data.callId}`, this.#lane(PEOPLE, "people"), bar);
      }
      case "tool.approved":
        return this.#end(`question ${fact.data.callId}`, at, "completed", `approved by ${fact.data.by}`);
      case "tool.denied":
        this.#end(`question ${fact.data.callId}`, at, "failed", `denied by ${fact.data.by ?? "somebody"}`);
        return;
      case "tool.dispatched":
        return this.#dispatch(fact.data, at, seq);
      case "tool.completed":
        return this.#settle(fact.data.callId, at, "completed");
      case "tool.failed":
        return this.#settle(
          fact.data.callId,
          at,
          fact.data.error.code === "canceled" ? "canceled" : "failed",
          fact.data.error.message,
        );
      case "tool.expired":
        this.#end(`question ${fact.data.callId}`, at, "failed", "expired");
        return this.#settle(fact.data.callId, at, "failed", "expired");
      case "run.completed":
        return this.#finish(at, seq, "completed", "completed");
      case "run.failed":
        return this.#finish(at, seq, "failed", `failed: ${fact.data.error.message}`);
      case "run.canceled":
        return this.#finish(at, seq, "canceled", "canceled");
      case "run.merged":
        return this.#finish(at, seq, "canceled", "entered another run");
      default:
      // Other facts have no place on a lane.
    }
  }

  #held(from: number, seq: number, epoch: number): Bar {
    return { from, to: null, tone: "queued", label: `lease ${epoch}`, seq };
  }

  #dispatch(
    data: { readonly callId: string; readonly attempt: number; readonly deviceId?: string; readonly sleeps?: true },
    at: number,
    seq: number,
  ): void {
    const { callId, attempt } = data;
    const { toolName = "a call", target = "external" } = this.#calls.get(callId) ?? {};
    this.#end(`call ${callId}`, at, "recovered", `sent again, attempt ${attempt}`);
    const label = attempt > 1 ? `${toolName}, attempt ${attempt}` : toolName;
    const tone = data.sleeps === true ? "waiting" : "running";
    this.#begin(`call ${callId}`, this.#laneOfCall(callId, target, data.deviceId), {
      from: at,
      to: null,
      tone,
      label,
      seq,
      callId,
    });
  }

  #laneOfCall(callId: string, target: string, deviceId: string | undefined): OpenLane {
    if (target === "server") return this.#lane("server", "server tools");
    if (target === "external") return this.#lane("external", "external");
    const known = this.#known.get(callId);
    const id = known?.deviceId ?? deviceId ?? null;
    const key = known?.deviceKey ?? (id === null ? undefined : this.#keys.get(id));
    if (key !== undefined) return this.#lane(`device ${key}`, key);
    return id === null ? this.#lane("any", "any device") : this.#lane(`device ${id}`, "device");
  }

  #settle(callId: string, at: number, tone: Tone, why?: string): void {
    this.#end(`call ${callId}`, at, tone, why);
  }

  #finish(at: number, seq: number, tone: Tone, label: string): void {
    for (const what of this.#open.keys()) this.#end(what, at, what === "run" ? undefined : tone);
    this.#mark(GATEWAY, { at, seq, tone, label });
  }

  #begin(what: string, lane: OpenLane, bar: Bar): void {
    this.#end(what, bar.from);
    this.#open.set(what, { lane, index: lane.bars.push(bar) - 1 });
  }

  #end(what: string, at: number, tone?: Tone, why?: string): void {
    const open = this.#open.get(what);
    const bar = open?.lane.bars[open.index];
    if (open === undefined || bar === undefined) return;
    this.#open.delete(what);
    const label = why === undefined ? bar.label : `${bar.label}: ${why}`;
    open.lane.bars[open.index] = { ...bar, to: at, tone: tone ?? bar.tone, label };
  }

  #mark(id: string, mark: Mark): void {
    this.#lane(id, id).marks.push(mark);
  }

  #lane(id: string, name: string): OpenLane {
    const known = this.#lanes.get(id);
    if (known !== undefined) return known;
    const lane: OpenLane = { id, name, bars: [], marks: [] };
    this.#lanes.set(id, lane);
    return lane;
  }
}

/** How long the model took until it said something; undefined: the step does not tell. */
function firstWordsOf(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : `first words after ${duration(ms)}`;
}
