import type { Fleet, GatewayTrouble } from "@hsafa/protocol";

/** The troubles of all gateways, newest first. */
export function troublesOf({ gateways }: Fleet): (GatewayTrouble & { readonly gatewayId: string })[] {
  return gateways
    .flatMap(({ id, report }) => (report?.troubles ?? []).map((trouble) => ({ ...trouble, gatewayId: id })))
    .toSorted((a, b) => Date.parse(b.at) - Date.parse(a.at));
}
