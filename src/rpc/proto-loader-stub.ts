/**
 * Stands in for @grpc/proto-loader in the bundle: grpc-js loads it for channelz and ORCA, which keymount serves neither
 * of (grpc-js 1.14 channelz.js, orca.js). With it the bundle would hold protobufjs, a parser of .proto files.
 */
export function loadSync(): never {
  throw new Error(".proto files are not part of keymount");
}
