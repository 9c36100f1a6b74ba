import type { TenantId } from "../../src/core/tenant-id.ts";
import type { Store } from "../../src/ports/store.ts";
import type { MemoryStore } from "../store/memory-store.ts";
import { AN_ACTOR } from "../support/an-actor.ts";
import { API_KEY } from "./agent.ts";
import { Clients } from "./client.ts";
import { isPoison } from "./poison.ts";
import type { Random } from "./random.ts";
import type { Recorder } from "./recorder.ts";
import { bytesOf, checkFiles, FILE_PLAN, HOARD, HOARD_BYTES_MAX, sharedFile } from "./shared-files.ts";
import type { Scheduler } from "./scheduler.ts";
import type { SimulatedGateway } from "./simulated-gateway.ts";

/** The key of the tenant that has little room. */
export const HOARD_KEY = "hsafa_hoard";

/** Lets people upload files. `hoardId`: the tenant that is to have little room. */
export async function openUploads(params: {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly recorder: Recorder;
  readonly pickGateway: () => SimulatedGateway | null;
  readonly store: Store;
  readonly database: MemoryStore;
  readonly tenantId: TenantId;
  readonly hoardId: TenantId;
  readonly watch: (runId: string) => void;
}): Promise<Uploads> {
  const { scheduler, random, recorder, pickGateway, store, database, tenantId, hoardId, watch } = params;
  const hoard = store.forTenant(hoardId);
  await hoard.setLimits({ by: AN_ACTOR, limits: { storedBytes: HOARD_BYTES_MAX } });
  const hoardedBefore = (await hoard.readUsage()).used.storedBytes;
  const programs = (apiKey: string): Clients =>
    new Clients({ apiKey, scheduler, random: random.fork(), recorder, pickGateway });
  const [clients, hoarders] = [programs(API_KEY), programs(HOARD_KEY)];
  const { files } = store;
  const kept = { recorder, tenantId, tenant: store.forTenant(tenantId), hoard, hoardedBefore, files, database };
  const check = (when: { readonly isLongAfter: boolean }): Promise<void> => checkFiles({ ...kept, ...when });
  const uploads = new Uploads({ scheduler, random, recorder, clients, hoarders, watch, check });
  uploads.begin();
  return uploads;
}

/**
 * People who upload files, send them to runs, fork these runs, and delete files. Now and then one sends a file twice at
 * once, or breaks off. A second tenant uploads more than it has room for.
 */
export class Uploads {
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #recorder: Recorder;
  readonly #clients: Clients;
  readonly #hoarders: Clients;
  readonly #watch: (runId: string) => void;
  /** Checks what must hold of files when all is at rest. */
  readonly check: (when: { readonly isLongAfter: boolean }) => Promise<void>;
  #pending = 0;

  constructor(params: {
    readonly scheduler: Scheduler;
    readonly random: Random;
    readonly recorder: Recorder;
    readonly clients: Clients;
    /** Programs of the tenant that has little room. */
    readonly hoarders: Clients;
    readonly watch: (runId: string) => void;
    readonly check: (when: { readonly isLongAfter: boolean }) => Promise<void>;
  }) {
    this.#scheduler = params.scheduler;
    this.#random = params.random;
    this.#recorder = params.recorder;
    this.#clients = params.clients;
    this.#hoarders = params.hoarders;
    this.#watch = params.watch;
    this.check = params.check;
  }

  get isBusy(): boolean {
    return this.#pending > 0;
  }

  begin(): void {
    for (let nth = this.#random.whole(2, 4); nth > 0; nth -= 1)
      this.#later(this.#random.between(0, 8000), () => this.#share(nth));
    if (this.#random.chance(0.5)) this.#later(this.#random.between(0, 4000), () => this.#hoard());
  }

  /** Uploads a file, and does something with it. */
  async #share(nth: number): Promise<void> {
    const random = this.#random;
    const fileId = await this.#upload(nth);
    if (fileId === null) return;
    if (random.chance(0.2)) this.#later(random.between(0, 6000), () => this.#forget(fileId));
    if (random.chance(0.2)) return;
    const runId = await this.#clients.startWith({ input: `plan ${FILE_PLAN + nth}`, fileId });
    if (runId === null) return this.#mustBeDeleted(fileId);
    this.#recorder.files.get(fileId)?.runIds.add(runId);
    this.#watch(runId);
    if (random.chance(0.4)) this.#later(random.between(500, 5000), () => this.#fork(runId, fileId, nth));
  }

  /** Returns the id of the file; null: the one that it was had been deleted meanwhile. */
  async #upload(nth: number): Promise<string | null> {
    const random = this.#random;
    const times = random.chance(0.3) ? 2 : 1;
    const upload = { content: bytesOf(nth), key: `file ${nth}`, brokenShare: 0.2 };
    const made = await Promise.all(Array.from({ length: times }, () => this.#clients.upload(upload)));
    const ids = new Set(made);
    const [fileId = null] = ids;
    if (ids.size > 1) this.#recorder.fail("files", `one upload is the files ${[...ids].join(" and ")}`);
    if (fileId === null) this.#recorder.fail("files", `the upload ${nth} was refused, and there is room`);
    else {
      this.#recorder.files.set(fileId, sharedFile(nth));
      this.#recorder.counts.uploads += 1;
    }
    return fileId;
  }

  async #fork(runId: string, fileId: string, nth: number): Promise<void> {
    const history = this.#recorder.history(runId);
    if (isPoison(history)) return;
    const asked = { position: "2-0", input: undefined, rerun: undefined };
    const { runId: fork, mayCome } = await this.#clients.fork(runId, asked, `fork of ${nth}`);
    if (mayCome) this.#recorder.lateForks.push({ runId, seq: 2, rerun: [] });
    if (fork === null) return;
    this.#recorder.forks.set(fork, { runId, seq: 2, rerun: [] });
    this.#recorder.counts.forks += 1;
    this.#recorder.files.get(fileId)?.runIds.add(fork);
    this.#watch(fork);
  }

  async #forget(fileId: string): Promise<void> {
    const file = this.#recorder.files.get(fileId);
    // From now on it may be gone, whatever becomes of the request.
    if (file !== undefined) file.isDeleted = true;
    await this.#clients.deleteFile(fileId);
    this.#recorder.counts.deletedFiles += 1;
  }

  #mustBeDeleted(fileId: string): void {
    if (this.#recorder.files.get(fileId)?.isDeleted !== true)
      this.#recorder.fail("files", `a message could not name ${fileId}, which nobody has deleted`);
  }

  /** One after the other, until there is no room, and once more. */
  async #hoard(): Promise<void> {
    for (let nth = HOARD; nth < HOARD + 8; nth += 1) {
      const upload = { content: bytesOf(nth), key: `file ${nth}`, brokenShare: 0 };
      const fileId = await this.#hoarders.upload(upload);
      if (fileId === null) this.#recorder.counts.refusedUploads += 1;
    }
  }

  #later(delayMs: number, act: () => Promise<void> | void): void {
    this.#pending += 1;
    this.#scheduler.after(delayMs, "an upload", () => {
      Promise.resolve(act()).then(
        () => void (this.#pending -= 1),
        (error: unknown) => this.#recorder.fail("bug", String(error)),
      );
    });
  }
}
