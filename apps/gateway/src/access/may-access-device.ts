import type { Principal } from "./principal.ts";
import { reaches } from "./reached-subject.ts";

/** The property of a device that decides who sees it. */
export interface DeviceBounds {
  readonly subject: string | null;
}

/** Whether the principal reaches this device. What names a run, a thread or a device is not asked: it sees none. */
export function mayAccessDevice(principal: Pick<Principal, "kind" | "subject">, device: DeviceBounds): boolean {
  return reaches(principal, device.subject);
}
