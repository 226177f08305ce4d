/**
 * Hosts, for applications that answer for some of them.
 *
 * @module
 */

/** What a host has at most: a name of 253 characters, and a port. It keeps masks from taking long. */
const MAX_LENGTH = 260;

/**
 * Tells which URLs are of a host; in it `*` stands for any text, and a port is there unless it is the
 * usual one. Throws a RangeError if it is no host.
 */
export function hostMatcher(domain: string): (url: string) => boolean {
  const parsed = URL.parse(`http://${domain}`);
  if (parsed === null || parsed.href !== `http://${parsed.host}/`) {
    throw new RangeError(`Cannot add domain: "${domain}" is not a host`);
  }
  const { host } = parsed;
  if (!host.includes("*")) return (url) => hostOf(url) === host;
  const regex = new RegExp(`^${host.split("*").map(RegExp.escape).join(".*")}$`);
  return (url) => {
    const asked = hostOf(url);
    return asked.length <= MAX_LENGTH && regex.test(asked);
  };
}

/** The host of a URL as a URL has it: in lower case, in ASCII. */
function hostOf(url: string): string {
  return URL.parse(url)?.host ?? "";
}
