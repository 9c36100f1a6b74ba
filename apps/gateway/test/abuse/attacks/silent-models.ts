import { type Attack, repeat } from "../attack.ts";

/** More than a gateway holds runs. */
const RUNS = 1200;

export const silentModels: Attack = {
  name: "runs whose model is silent",
  does: "starts 1,200 runs whose model never says anything",
  async run(client, signal) {
    const script = [[{ hang: true }]];
    await client.push("silent", { model: "demo/script", settings: { providerOptions: { demo: { script } } } });
    let started = 0;
    await repeat(8, signal, async () => {
      started += 1;
      if (started <= RUNS) await client.start("silent");
      else await new Promise((resolve) => setTimeout(resolve, 100));
    });
  },
};
