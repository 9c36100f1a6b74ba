import type { TenantId } from "../core/tenant-id.ts";
import type { Store } from "../ports/store.ts";
import type { RegisteredDevice, Registration } from "../ports/tenant-devices.ts";
import { REGISTRATION_BATCHES_AT_ONCE_MAX, REGISTRATIONS_PER_BATCH_MAX } from "./limits.ts";

interface Waiting {
  readonly registration: Registration;
  readonly resolve: (registered: RegisteredDevice | null) => void;
  readonly reject: (error: unknown) => void;
}

/** The registrations of one tenant. */
interface Line {
  /** In the order in which they came. */
  waiting: Waiting[];
  batchesAtOnce: number;
}

/**
 * Registers devices that come together by one statement: all those of a gateway that died come back at once.
 *
 * 1. One that comes alone goes at once. While `REGISTRATION_BATCHES_AT_ONCE_MAX` batches of its tenant are under way,
 *    it waits, and goes with all others that came meanwhile, `REGISTRATIONS_PER_BATCH_MAX` at most.
 * 2. A batch is of one tenant. It names a device once: a second registration of it goes with a later batch.
 * 3. Each registration has its own outcome. Only where nobody knows of any of a batch, all fail.
 */
export class RegistrationBatches {
  readonly #store: Store;
  readonly #lines = new Map<TenantId, Line>();

  constructor(deps: { readonly store: Store }) {
    this.#store = deps.store;
  }

  /** Returns null if the device belongs to somebody else. Rejects for this registration alone, or if nobody knows. */
  register(tenantId: TenantId, registration: Registration): Promise<RegisteredDevice | null> {
    const { promise, resolve, reject } = Promise.withResolvers<RegisteredDevice | null>();
    const line = this.#lines.get(tenantId) ?? { waiting: [], batchesAtOnce: 0 };
    this.#lines.set(tenantId, line);
    line.waiting.push({ registration, resolve, reject });
    this.#sendNext(tenantId, line);
    return promise;
  }

  /** 1. */
  #sendNext(tenantId: TenantId, line: Line): void {
    if (line.batchesAtOnce >= REGISTRATION_BATCHES_AT_ONCE_MAX) return;
    const batch = takeBatch(line);
    if (batch.length === 0) {
      if (line.batchesAtOnce === 0) this.#lines.delete(tenantId);
      return;
    }
    line.batchesAtOnce += 1;
    void this.#send(tenantId, batch).finally(() => {
      line.batchesAtOnce -= 1;
      this.#sendNext(tenantId, line);
    });
  }

  /** Never rejects. */
  async #send(tenantId: TenantId, batch: readonly Waiting[]): Promise<void> {
    try {
      const registrations = batch.map(({ registration }) => registration);
      const outcomes = await this.#store.forTenant(tenantId).registerDevices(registrations);
      for (const [nth, { resolve, reject }] of batch.entries()) {
        const outcome = outcomes[nth];
        if (outcome?.kind === "registered") resolve(outcome);
        else if (outcome?.kind === "not_owner") resolve(null);
        else reject(outcome?.error ?? new Error("a registration has no outcome"));
      }
    } catch (error) {
      for (const { reject } of batch) reject(error); // 3.
    }
  }
}

/** 2. Takes what goes next out of a line. */
function takeBatch(line: Line): readonly Waiting[] {
  const keys = new Set<string>();
  const batch: Waiting[] = [];
  const left: Waiting[] = [];
  for (const waiting of line.waiting) {
    const { deviceKey } = waiting.registration;
    const goes = batch.length < REGISTRATIONS_PER_BATCH_MAX && !keys.has(deviceKey);
    keys.add(deviceKey);
    (goes ? batch : left).push(waiting);
  }
  line.waiting = left;
  return batch;
}
