import type { DevicePairing } from "@hsafa/protocol";

/**
 * Where a device stands with its pairing. Times are in ms. `latest`: its newest connection; null: it has had none.
 * `isOpen`: a gateway that lives holds that connection.
 */
export function devicePairing(device: {
  readonly pairedAt: number | null;
  readonly latest: {
    readonly isOpen: boolean;
    /** Until when it waits to be paired; null: it waits for nothing. */
    readonly waitsUntil: number | null;
  } | null;
}): DevicePairing {
  const { pairedAt, latest } = device;
  if (pairedAt !== null) return { state: "paired", pairedAt: time(pairedAt) };
  if (latest === null || latest.waitsUntil === null) return { state: "not_needed" };
  return latest.isOpen ? { state: "waiting", expiresAt: time(latest.waitsUntil) } : { state: "unpaired" };
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
