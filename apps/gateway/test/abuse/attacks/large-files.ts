import { type Attack, repeat } from "../attack.ts";

const FILE_BYTES = 30 * 1024 * 1024;
/** How a JPEG begins: the gateway looks at what a file is. */
const JPEG_HEAD = Buffer.from("ffd8ffe000104a46494600010100000100010000", "hex");

export const largeFiles: Attack = {
  name: "large files",
  does: "uploads files of 30 MB, reads none of them back, and shows them to a model",
  async run(client, signal) {
    await client.push("viewer", { model: "demo/echo" });
    const photo = Buffer.alloc(FILE_BYTES, JPEG_HEAD.toString("latin1"), "latin1");
    await repeat(3, signal, async () => {
      const uploaded = await client.call("POST", "/api/files?filename=photo.jpg", photo, client.key, "image/jpeg");
      if (uploaded.status !== 201) return new Promise((resolve) => setTimeout(resolve, 100));
      const { id } = JSON.parse(uploaded.text) as { id: string };
      client.askUnread(`/api/files/${id}`);
      const content = [
        { type: "text", text: "What is this?" },
        { type: "file", fileId: id },
      ];
      await client.start("viewer", { input: [{ role: "user", content }] });
      return client.call("DELETE", `/api/files/${id}`);
    });
  },
};
