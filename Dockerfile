# Where the bundle is built: Node 22 or 24, npm, and util-linux. The final base has glibc and libstdc++, and no shell.
ARG BUILD_BASE=docker.io/library/node:24-bookworm-slim
ARG BASE=gcr.io/distroless/cc-debian12

FROM ${BUILD_BASE} AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc tsconfig.json LICENSE ./
RUN ["npm", "ci", "--ignore-scripts"]
COPY scripts scripts
COPY src src
RUN ["node", "scripts/build.js"]

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="keymount" \
      org.opencontainers.image.description="Secrets Store CSI provider for HashiCorp Vault and OpenBao" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /usr/local/bin/node /usr/bin/prlimit /usr/local/bin/
COPY --from=build /usr/lib/*-linux-gnu/libsmartcols.so.1 /usr/lib/
# package.json says that the bundle is an ES module: without it Node reads the file twice.
COPY --from=build /src/package.json /src/LICENSE /keymount/
COPY --from=build /src/dist/ /keymount/dist/
# Compiled code of the bundle, for this very Node with these very flags: 7 MiB less memory. Nothing writes there later. Node
# keeps it by user and for that user alone; the chart's other user finds the same.
ENV NODE_COMPILE_CACHE=/keymount/cache
RUN ["node", "--disable-sigusr1", "--max-semi-space-size=2", "--max-old-space-size=64", "/keymount/dist/keymount.js", "version"]
RUN ["node", "-e", "const { chmodSync, readdirSync, symlinkSync } = require('node:fs'); process.chdir('/keymount/cache'); for (const root of readdirSync('.')) { for (const file of readdirSync(root)) chmodSync(`${root}/${file}`, 0o644); symlinkSync(root, root.replace(/-0$/, '-65532')); }"]
STOPSIGNAL SIGTERM
# prlimit becomes Node, which is PID 1: keymount handles the signals itself. No memory of it is ever dumped to a file, no
# signal opens an inspector, and the heap stays within a limit of 128 MiB. Any user may run it.
ENTRYPOINT ["prlimit", "--core=0", "node", "--disable-sigusr1", "--max-semi-space-size=2", "--max-old-space-size=64", "/keymount/dist/keymount.js"]
