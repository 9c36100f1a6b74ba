import type { Door } from "./door.ts";
import {
  BODY_DOOR,
  CURSOR_DOOR,
  FILE_DOOR,
  HEADER_DOOR,
  POSITION_DOOR,
  QUERY_DOOR,
  RAW_BODY_DOOR,
  RAW_HTTP_DOOR,
} from "./doors/http-doors.ts";
import { ARGUMENTS_DOOR, PROVIDER_DOOR } from "./doors/run-doors.ts";
import { DEVICE_RESULT_DOOR } from "./doors/device-result-door.ts";
import { DEVICE_DOOR, WATCH_DOOR } from "./doors/socket-doors.ts";

/** Every way into a gateway. Their shares are percents. */
export const DOORS: readonly Door[] = [
  BODY_DOOR,
  RAW_BODY_DOOR,
  FILE_DOOR,
  QUERY_DOOR,
  HEADER_DOOR,
  POSITION_DOOR,
  CURSOR_DOOR,
  RAW_HTTP_DOOR,
  WATCH_DOOR,
  DEVICE_DOOR,
  DEVICE_RESULT_DOOR,
  ARGUMENTS_DOOR,
  PROVIDER_DOOR,
];
