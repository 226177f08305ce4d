/**
 * A certificate for 127.0.0.1, made anew for each run.
 *
 * @module
 */

import { output } from "./_support.ts";

/** Makes a self-signed certificate and its key, in PEM format. */
export async function makeCertificate(): Promise<{ cert: string; key: string }> {
  const folder = await Deno.makeTempDir();
  try {
    const [key, cert] = [`${folder}/key.pem`, `${folder}/cert.pem`];
    const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
    const constraints = ["-addext", "basicConstraints=critical,CA:FALSE"];
    await output(
      "openssl",
      "req",
      "-x509",
      ...kind,
      ...subject,
      ...constraints,
      "-keyout",
      key,
      "-out",
      cert,
    );
    return { cert: await Deno.readTextFile(cert), key: await Deno.readTextFile(key) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
