import {
  deviceSchema,
  deviceDetailSchema,
  listDevicesQuerySchema,
  pageSchema,
  pairDeviceBodySchema,
  pairedDeviceSchema,
} from "@hsafa/protocol/schema";
import { deleteDevice } from "../../../control/delete-device.ts";
import { pairDevice } from "../../../control/pair-device.ts";
import { findDevice, listDevices } from "../../../control/read-devices.ts";
import { json, type Route, scoped } from "../route.ts";

const tag = "Devices";
const reading = { scopes: ["runs:read"], unbound: true } as const;

/** Devices. */
export const deviceRoutes: readonly Route[] = [
  scoped({
    method: "GET",
    path: "/api/devices",
    tag,
    summary: "List devices",
    ...reading,
    query: listDevicesQuerySchema,
    responses: { 200: { description: "A page of devices", schema: pageSchema(deviceSchema) } },
    handle: async ({ deps, principal, query: { limit, cursor, subject } }) =>
      json(200, await listDevices(deps, principal, { limit, cursor, subject })),
  }),
  scoped({
    method: "GET",
    path: "/api/devices/:id",
    tag,
    summary: "One device with its tools and sessions",
    ...reading,
    responses: { 200: { description: "The device", schema: deviceDetailSchema } },
    async handle({ deps, principal, params: { id = "" } }) {
      const outcome = await findDevice(deps, principal, id);
      return outcome.kind === "refused" ? outcome : json(200, outcome.device);
    },
  }),
  scoped({
    method: "POST",
    path: "/api/devices/pairings",
    tag,
    summary: "Pair the device that shows a code, so that it takes calls",
    scopes: ["devices:pair"],
    unbound: true,
    body: pairDeviceBodySchema,
    responses: { 200: { description: "The device is paired", schema: pairedDeviceSchema } },
    async handle({ deps, principal, body: { code } }) {
      const outcome = await pairDevice(deps, principal, { code });
      return outcome.kind === "refused" ? outcome : json(200, outcome.device);
    },
  }),
  scoped({
    method: "DELETE",
    path: "/api/devices/:id",
    tag,
    summary: "Forget a device and end its session",
    scopes: ["admin"],
    unbound: true,
    responses: { 204: { description: "It is forgotten; its past calls keep its id" } },
    async handle({ deps, principal, params: { id = "" } }) {
      const outcome = await deleteDevice(deps, principal, id);
      return outcome.kind === "refused" ? outcome : { kind: "empty", status: 204 };
    },
  }),
];
