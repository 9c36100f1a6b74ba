/** Whether a text is an address, or a range like `10.0.0.0/8`. */
export function isAddressRange(entry: string): boolean {
  const [address = "", prefix, ...rest] = entry.split("/");
  const isV6 = address.includes(":");
  const bits = isV6 ? 128 : 32;
  // A URL takes addresses of both kinds, and writes an IPv4 address as it was given if it is one.
  const url = `http://${isV6 ? `[${address}]` : address}/`;
  const isAddress = URL.canParse(url) && (isV6 || (/^[\d.]+$/.test(address) && new URL(url).hostname === address));
  if (!isAddress || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits);
}

/** Whether a text is `*`, a host, an address or a range, each also with `:port`. */
export function isTargetEntry(entry: string): boolean {
  const name = entry.replace(/^\[([^\]]*)\](:\d{1,5})?$/, "$1").replace(/^([^:]+):\d{1,5}$/, "$1");
  if (name === "*" || isAddressRange(name)) return true;
  return !/^[\d.]*$/.test(name) && /^(\*?\.)?[\w-]+(\.[\w-]+)*\.?$/.test(name);
}
