/**
 * Matching of hosts, for applications that answer only for some of them.
 *
 * @module
 */

/** The longest host: a name of 253 characters, and a port. It keeps masks from taking long. */
const MAX_LENGTH = 260;

/**
 * Returns a function that tells whether a URL is of a host, in which `*` stands for any text and
 * the default port is left out. Throws a RangeError if the domain is not a host.
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

/** The host of a URL in its normal form: in lower case, in ASCII. */
function hostOf(url: string): string {
  return URL.parse(url)?.host ?? "";
}
