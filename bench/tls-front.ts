import { readFileSync } from "node:fs";
import { type AddressInfo, connect } from "node:net";
import { createServer } from "node:tls";

/**
 * A process of its own: TLS before the port of the first argument, with the certificate and key in the file of the second,
 * until its parent leaves. As a load balancer does, so keymount does all that TLS costs it, and Vault is the same.
 */
const [port, file] = process.argv.slice(2);
const pem = readFileSync(file!);
const server = createServer({ cert: pem, key: pem }, (client) => {
  const upstream = connect({ port: Number(port), host: "127.0.0.1", noDelay: true });
  client.on("error", () => upstream.destroy());
  upstream.on("error", () => client.destroy());
  client.pipe(upstream).pipe(client);
});
process.once("disconnect", () => process.exit());
server.listen(0, "127.0.0.1", () => process.send!({ port: (server.address() as AddressInfo).port }));
