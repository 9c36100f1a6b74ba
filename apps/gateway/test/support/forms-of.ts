/** The forms of a value that a reader could turn back, made without the code that looks for them. */
export function formsOf(value: string): string[] {
  const bytes = Buffer.from(value);
  const hex = bytes.toString("hex");
  // Within a longer text Base64 begins at one of three places. The characters at the edges hold bits of others too.
  const within = [0, 1, 2].flatMap((before) => {
    const [begin, end] = [Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6)];
    const text = Buffer.concat([Buffer.alloc(before), bytes])
      .toString("base64")
      .slice(begin, end);
    return [text, text.replaceAll("+", "-").replaceAll("/", "_")];
  });
  const everyByte = hex.replaceAll(/../g, "%$&");
  const inUrl = [encodeURIComponent(value), encodeURI(value), new URLSearchParams({ "": value }).toString().slice(1)];
  const escaped = JSON.stringify(value).slice(1, -1);
  const plain = [
    value,
    hex,
    everyByte,
    ...within,
    ...inUrl,
    escaped,
    JSON.stringify(escaped).slice(1, -1),
    htmlOf(value),
  ];
  // A URL within a URL, and Base64 within one, are encoded once more.
  const twice = [...within, ...inUrl].map(encodeURIComponent);
  const hexadecimal = /%[\dA-Fa-f]{2}/g;
  return [...plain, ...twice].flatMap((text) => [
    text,
    ...(text === hex ? [hex.toUpperCase()] : []),
    text.replaceAll(hexadecimal, (code) => code.toLowerCase()),
    text.replaceAll(hexadecimal, (code) => code.toUpperCase()),
  ]);
}

/** As a page of an error writes it. */
export function htmlOf(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character);
}
