import { afterEach, describe, expect, test, vi } from "vitest";
import type { Bell, Ring } from "../../src/ports/bell.ts";
import { asTenantId } from "../../src/core/tenant-id.ts";

export interface BellSubject {
  readonly bell: Bell;
  /** The same bell as heard by another gateway. In memory it is the same object. */
  readonly elsewhere: Bell;
  readonly close: () => Promise<void>;
}

const RUN = "0198c0de-0000-7000-8000-000000000001";
const TENANT = asTenantId("0198c0de-0000-7000-8000-000000000002");
const RINGS: readonly Ring[] = [
  { about: "run", runId: RUN },
  { about: "device", tenantId: TENANT, deviceKey: "laptop-1/a:b" },
  { about: "device", tenantId: TENANT, deviceKey: null },
  { about: "thread", tenantId: TENANT, idOrKey: "in box/ü %20" },
  { about: "revocation", tenantId: TENANT },
];

/** The guarantees of `ports/bell.ts`, for every adapter. */
export function bellSuite(name: string, open: () => Promise<BellSubject>): void {
  describe(`bell: ${name}`, () => {
    let opened: BellSubject | null = null;
    const start = async () => {
      opened = await open();
      return opened;
    };
    afterEach(async () => {
      await opened?.close();
      opened = null;
    });

    test("a ring is heard in this process at once, before anything is sent", async () => {
      const { bell } = await start();
      const heard: Ring[] = [];
      bell.listen((ring) => heard.push(ring));
      for (const ring of RINGS) bell.ring(ring);
      expect(heard).toEqual(RINGS);
    });

    test("a ring is heard on other gateways, and not a second time by the gateway that rang", async () => {
      const { bell, elsewhere } = await start();
      const [here, there]: [Ring[], Ring[]] = [[], []];
      bell.listen((ring) => here.push(ring));
      elsewhere.listen((ring) => there.push(ring));
      for (const ring of RINGS) bell.ring(ring);
      await vi.waitFor(() => expect(there).toEqual(RINGS), { timeout: 5000, interval: 5 });
      // This ring comes after any own ring that the first bell could have heard a second time.
      elsewhere.ring({ about: "run", runId: TENANT });
      await vi.waitFor(() => expect(here.at(-1)).toEqual({ about: "run", runId: TENANT }), {
        timeout: 5000,
        interval: 5,
      });
      expect(here).toEqual([...RINGS, { about: "run", runId: TENANT }]);
    });

    test("a listener that left or throws does not keep others from hearing", async () => {
      const { bell } = await start();
      const heard: Ring[] = [];
      const gone: Ring[] = [];
      const leave = bell.listen((ring) => gone.push(ring));
      bell.listen(() => {
        throw new Error("a bug of this listener");
      });
      bell.listen((ring) => heard.push(ring));
      leave();
      bell.ring({ about: "run", runId: RUN });
      expect(heard).toEqual([{ about: "run", runId: RUN }]);
      expect(gone).toEqual([]);
    });

    test("a closed bell is silent, and ringing it does no harm", async () => {
      const { bell } = await start();
      const heard: Ring[] = [];
      bell.listen((ring) => heard.push(ring));
      await bell.close();
      await bell.close();
      bell.ring({ about: "run", runId: RUN });
      expect(heard).toEqual([]);
    });
  });
}
