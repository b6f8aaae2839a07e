/** Bytes of a unix socket's path on Linux: sockaddr_un of unix(7), less the closing NUL. */
export const longestSocketPath = 107;
