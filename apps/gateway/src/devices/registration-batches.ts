import type { TenantId } from "../core/tenant-id.ts";
import type { Clock } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";
import type { RegisteredDevice, Registration } from "../ports/tenant-devices.ts";
import {
  REGISTRATION_BATCHES_AT_ONCE_MAX,
  REGISTRATION_BATCHES_PER_TENANT_MAX,
  REGISTRATION_PROMPT_MS,
  REGISTRATIONS_PER_BATCH_MAX,
} from "./limits.ts";

interface Waiting {
  readonly registration: Registration;
  readonly resolve: (registered: RegisteredDevice | null) => void;
  readonly reject: (error: unknown) => void;
}

/** The registrations of one tenant. */
interface Line {
  /** In the order in which they came. */
  waiting: Waiting[];
  /** Batches under way. */
  sent: number;
}

/**
 * Registers devices that come together by one statement: all those of a gateway that died come back at once.
 *
 * 1. One that comes alone goes at once. It waits while `REGISTRATION_BATCHES_PER_TENANT_MAX` batches of its tenant are
 *    under way, or `REGISTRATION_BATCHES_AT_ONCE_MAX` of all. Then it goes with all others of its tenant that came
 *    meanwhile, `REGISTRATIONS_PER_BATCH_MAX` at most.
 * 2. A batch is of one tenant. It names a device once: a second registration of it goes with a later batch.
 * 3. Each registration has its own outcome. Only where nobody knows of any of a batch, all fail.
 * 4. Tenants take turns, and none has two batches under way while another one waits for its first. A batch that is not
 *    prompt waits for a lock, or for a busy store. It then counts for its own tenant alone.
 */
export class RegistrationBatches {
  readonly #store: Store;
  readonly #clock: Pick<Clock, "after">;
  /** A tenant whose batch has ended moves to the end. */
  readonly #lines = new Map<TenantId, Line>();
  #promptBatches = 0;

  constructor(deps: { readonly store: Store; readonly clock: Pick<Clock, "after"> }) {
    this.#store = deps.store;
    this.#clock = deps.clock;
  }

  /** Returns null if the device belongs to somebody else. Rejects for this registration alone, or if nobody knows. */
  register(tenantId: TenantId, registration: Registration): Promise<RegisteredDevice | null> {
    const { promise, resolve, reject } = Promise.withResolvers<RegisteredDevice | null>();
    const line = this.#lines.get(tenantId) ?? { waiting: [], sent: 0 };
    this.#lines.set(tenantId, line);
    line.waiting.push({ registration, resolve, reject });
    this.#sendWaiting();
    return promise;
  }

  /** 1. 4. */
  #sendWaiting(): void {
    for (let sent = 0; sent < REGISTRATION_BATCHES_PER_TENANT_MAX; sent += 1) {
      for (const [tenantId, line] of this.#lines) {
        if (this.#promptBatches >= REGISTRATION_BATCHES_AT_ONCE_MAX) return;
        if (line.sent === sent && line.waiting.length > 0) this.#begin(tenantId, line);
      }
    }
  }

  #begin(tenantId: TenantId, line: Line): void {
    line.sent += 1;
    this.#promptBatches += 1;
    let isPrompt = true;
    const countNoMore = (): void => {
      if (isPrompt) this.#promptBatches -= 1;
      isPrompt = false;
    };
    const cancel = this.#clock.after(REGISTRATION_PROMPT_MS, () => {
      countNoMore(); // 4.
      this.#sendWaiting();
    });
    void this.#send(tenantId, takeBatch(line)).finally(() => {
      cancel();
      countNoMore();
      line.sent -= 1;
      this.#lines.delete(tenantId);
      if (line.sent > 0 || line.waiting.length > 0) this.#lines.set(tenantId, line);
      this.#sendWaiting();
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
