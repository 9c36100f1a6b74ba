import { statSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { type Client, HsafaError } from "@hsafa/client";
import type { AgentFile } from "./agent-file.ts";
import { agentFiles } from "./agent-files.ts";
import { childrenFirst } from "./children-first.ts";
import { CliError } from "./cli-error.ts";
import type { DevHappening } from "./dev-happening.ts";
import { FolderWatcher } from "./folder-watcher.ts";
import { loadAgent } from "./load-agent.ts";
import { planPush, pushAgent } from "./push-agent.ts";

/** A file as it was when it was loaded last. */
interface KnownFile {
  readonly imports: readonly string[];
  /** Changes when the file, or one that it imports, changes. */
  readonly stamp: string;
  /** The gateway refused its agent, which may be for want of another one. */
  isRefused: boolean;
}

/** A file that has changed, with its agent. */
interface Loaded {
  readonly file: string;
  readonly agent: AgentFile;
  readonly known: KnownFile;
}

/**
 * Keeps the agents of a gateway like their files: it pushes all at the start, and each one whose file changes.
 *
 * 1. A file that does not load, or that the gateway refuses, is told. The version that the agent has stays.
 * 2. One round at a time: what changes meanwhile is seen by the next one.
 * 3. An agent is pushed after those that its tools start. One that was refused is tried again when another is new.
 */
export class DevAgents {
  readonly #client: Client;
  readonly #paths: readonly string[];
  readonly #tell: (happening: DevHappening) => void;
  readonly #watcher: FolderWatcher;
  #known = new Map<string, KnownFile>();
  #round: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(params: {
    readonly client: Client;
    /** Files and folders of agents. They may be missing. */
    readonly paths: readonly string[];
    readonly tell: (happening: DevHappening) => void;
  }) {
    this.#client = params.client;
    this.#paths = params.paths;
    this.#tell = params.tell;
    this.#watcher = new FolderWatcher(() => void this.look());
  }

  /** Pushes what has changed since the last look. Never rejects. */
  look(): Promise<void> {
    this.#round = this.#round.then(() => this.#look()); // 2.
    return this.#round;
  }

  /** Ends the watch. Resolves when nothing is being pushed any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#watcher.close();
    await this.#round;
  }

  async #look(): Promise<void> {
    if (this.#isClosed) return;
    const known = new Map<string, KnownFile>();
    const loaded: Loaded[] = [];
    for (const file of this.#files()) {
      const before = this.#known.get(file);
      const isSame = before !== undefined && before.stamp === stampOf([file, ...before.imports]);
      known.set(file, isSame ? before : await this.#load(file, loaded));
    }
    let isAnyNew = false;
    for (const changed of childrenFirst(loaded)) isAnyNew = (await this.#push(changed)) || isAnyNew; // 3.
    const again: Loaded[] = [];
    const refused = [...known].filter(([file, { isRefused }]) => isRefused && !loaded.some((one) => one.file === file));
    if (isAnyNew) for (const [file] of refused) known.set(file, await this.#load(file, again));
    for (const changed of childrenFirst(again)) await this.#push(changed);
    for (const file of this.#known.keys()) if (!known.has(file)) this.#tell({ event: "file_gone", file });
    this.#known = known;
    this.#watch();
  }

  #files(): string[] {
    return this.#paths.flatMap((path) => {
      try {
        return agentFiles([path]);
      } catch (error) {
        // A folder may be made later.
        if (error instanceof CliError) return [];
        throw error;
      }
    });
  }

  /** Adds what it finds in the file to `loaded`. */
  async #load(file: string, loaded: Loaded[]): Promise<KnownFile> {
    // Before it is read: what is saved meanwhile makes another stamp.
    const early = stampOf([file]);
    const found = await loadAgent(file);
    const imports = found.imports.filter((path) => path !== resolve(file));
    const stamp = imports.length === 0 ? early : stampOf([file, ...imports]);
    const known = { imports, stamp, isRefused: false };
    if (found.kind === "failed")
      this.#tell({ event: "push_failed", file, message: found.message }); // 1.
    else loaded.push({ file, agent: found.agent, known });
    return known;
  }

  /** Returns whether its agent has another version now. */
  async #push({ file, agent, known }: Loaded): Promise<boolean> {
    try {
      const plan = await planPush(this.#client, agent);
      const { version, configHash } = await pushAgent(this.#client, agent, { promote: true });
      const { name, changes } = plan;
      const isNew = plan.effect !== "none";
      this.#tell({ event: "pushed", file, name, version, configHash, isNew, changes });
      return isNew;
    } catch (error) {
      known.isRefused = true;
      this.#tell({ event: "push_failed", file, message: messageOf(error) }); // 1.
      return false;
    }
  }

  #watch(): void {
    const folders = new Set<string>();
    for (const path of this.#paths) folders.add(resolve(path)).add(dirname(resolve(path)));
    for (const [file, { imports }] of this.#known) {
      for (const path of [resolve(file), ...imports]) folders.add(dirname(path));
    }
    this.#watcher.watchOnly(new Set([...folders].filter(isFolder)));
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function stampOf(files: readonly string[]): string {
  return files
    .map((file) => {
      const found = statSync(file, { throwIfNoEntry: false });
      return found === undefined ? `${file} -` : `${relative("", file)} ${found.mtimeMs} ${found.size}`;
    })
    .join("\n");
}

function messageOf(error: unknown): string {
  if (!(error instanceof HsafaError)) return error instanceof Error ? error.message : String(error);
  const faults = (error.problem?.errors ?? []).map(({ path, message }) => `\n${path}: ${message}`);
  return `${error.message} [${error.code}]${faults.join("")}`;
}
