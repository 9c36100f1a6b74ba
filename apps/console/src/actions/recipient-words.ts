import type { ApprovalRecipient } from "@hsafa/protocol";

/** Returns where a call goes once it is approved, in words. */
export function recipientWords(recipient: ApprovalRecipient): string {
  switch (recipient.kind) {
    case "device":
      return `the device ${recipient.deviceKey}${recipient.owner === null ? "" : ` of ${recipient.owner}`}`;
    case "any_device": {
      const labels = Object.entries(recipient.labels).map(([name, value]) => `${name}=${value}`);
      const which = [recipient.platform, ...labels].filter((one) => one !== null);
      return which.length === 0 ? "any device that offers it" : `any device that offers it (${which.join(", ")})`;
    }
    case "http":
      return `${recipient.method} to ${recipient.origin ?? "a web service"}`;
    case "function":
      return `the gateway's function ${recipient.name}`;
    case "agent":
      return `a run of the agent ${recipient.agent}`;
    case "external":
      return "a program that answers over HTTP";
    default:
      return recipient satisfies never;
  }
}
