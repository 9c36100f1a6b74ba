import { createHash, timingSafeEqual } from "node:crypto";
import { bearerIn } from "./bearer-in.ts";

/** The media type of the metrics. */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Whether a request with this `Authorization` may read the metrics. `metricsKey`: null if anybody may. */
export function isMetricsReader(authorization: string | undefined, metricsKey: string | null): boolean {
  return metricsKey === null || isSame(bearerIn(authorization) ?? "", metricsKey);
}

/** Compares digests, whose time of comparison tells nothing about the key. */
function isSame(given: string, key: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(key));
}
