import devices from "../cases/devices.json" with { type: "json" };
import streams from "../cases/streams.json" with { type: "json" };
import type { DeviceCase } from "./device-case.ts";
import type { StreamCase } from "./stream-case.ts";

/** What a device must do. */
export const DEVICE_CASES = devices as readonly DeviceCase[];
/** What a program that follows a run must do. */
export const STREAM_CASES = streams as readonly StreamCase[];
