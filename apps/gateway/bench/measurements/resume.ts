import { get, type IncomingMessage } from "node:http";
import { once } from "node:events";
import { quantile } from "../quantile.ts";
import { rotated } from "../rotated.ts";
import { pushAgent, startRun } from "../subjects.ts";
import type { Measurement } from "./measurement.ts";
import { onSystems } from "./on-systems.ts";

/** A stream that lasts as long as the measurement does. */
const MODEL = "1500x20";
const RESUMES = 200;
/** A gateway serves for days, so its code is compiled. */
const WARM_UP = 200;
/** How much of a stream a client has read before it is cut. */
const READ_BYTES = 2000;
const AIM = 1;

/** A stream, and how a client comes back to it that has read half of what there is. */
interface Resumable {
  readonly name: string;
  /** Starts a stream, and returns the request that reads it from its start. */
  start(): Promise<Ask>;
  /** The request that goes on behind what was read. */
  resume(read: string): Ask;
}

interface Ask {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** How soon a client that comes back to a live run has what it missed. */
export const resume: Measurement = {
  name: "resume",
  does: "a client comes back to a live run, and has what it missed",
  measure: onSystems(async ({ gateway, resumable, key }) => {
    await pushAgent(gateway.url, key, MODEL);
    const ways = await Promise.all([ofResumableStream(resumable.url), ofHsafa(gateway.url, key)].map(readHalf));
    await resumeInTurn(ways);
    const [theirs = [], ours = []] = ways.map(({ figures }) => figures);
    return [
      {
        title: "resume of a live run",
        table: [
          ["", "p50 ms", "p90 ms"],
          ...ways.map(({ name, figures }) => [
            name,
            quantile(figures, 0.5).toFixed(2),
            quantile(figures, 0.9).toFixed(2),
          ]),
        ],
        ratios: [
          {
            what: "resumable-stream: resume p50",
            value: quantile(ours, 0.5) / quantile(theirs, 0.5),
            unit: "x",
            aim: { kind: "at most", value: AIM },
          },
        ],
      },
    ];
  }),
};

/** A client that has read half of what there is. */
interface Way {
  readonly name: string;
  readonly resume: () => Ask;
  readonly figures: number[];
}

async function readHalf(subject: Resumable): Promise<Way> {
  const read = await readUpTo(await subject.start(), READ_BYTES);
  const half = read.slice(0, read.lastIndexOf("\n\n", read.length / 2) + 2);
  return { name: subject.name, resume: () => subject.resume(half), figures: [] };
}

/** Ways that are compared take turns. */
async function resumeInTurn(ways: readonly Way[]): Promise<void> {
  for (let turn = -WARM_UP; turn < RESUMES; turn += 1) {
    for (const way of rotated(ways, turn)) {
      const begin = performance.now();
      await readUpTo(way.resume(), 1);
      if (turn >= 0) way.figures.push(performance.now() - begin);
    }
  }
}

/** Reads so many bytes, and cuts the connection. */
async function readUpTo({ url, headers }: Ask, bytes: number): Promise<string> {
  const sent = get(url, { headers, agent: false });
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  if (response.statusCode !== 200) throw new Error(`${url}: ${response.statusCode}`);
  let text = "";
  for await (const piece of response.setEncoding("utf8")) {
    text += piece as string;
    // A comment is no part of the stream.
    if (text.includes("data: ") && text.length >= bytes) break;
  }
  sent.destroy();
  return text;
}

function ofHsafa(url: string, key: string): Resumable {
  const headers = { authorization: `Bearer ${key}` };
  let stream = "";
  return {
    name: "hsafa",
    async start() {
      stream = `${url}/api/runs/${await startRun(url, key, MODEL)}/stream`;
      return { url: stream, headers };
    },
    resume: (read) => ({ url: stream, headers: { ...headers, "last-event-id": lastIdOf(read) } }),
  };
}

function lastIdOf(read: string): string {
  return [...read.matchAll(/^id: (.+)$/gm)].at(-1)?.[1] ?? "";
}

function ofResumableStream(url: string): Resumable {
  const stream = `${url}/${MODEL}?id=resumed`;
  return {
    name: "resumable-stream",
    start: () => Promise.resolve({ url: stream, headers: {} }),
    resume: (read) => ({ url: `${stream}&skip=${read.length}`, headers: {} }),
  };
}
