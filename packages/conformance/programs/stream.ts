/** Follows a run with the SDK, and prints each event. */
import { createClient } from "@hsafa/client";

const client = createClient({ url: process.env.HSAFA_URL ?? "", token: process.env.HSAFA_TOKEN ?? "" });
for await (const event of client.runs.stream(process.env.HSAFA_RUN_ID ?? "")) console.log(JSON.stringify(event));
