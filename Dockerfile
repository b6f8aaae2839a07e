# Where the bundle is built: Node 22 or 24 with its licence, npm, and util-linux. The final base has glibc and libstdc++, and
# no shell. A digest may follow each name: docs/operations.md, "The image".
ARG BUILD_BASE=docker.io/library/node:22-bookworm-slim
ARG BASE=gcr.io/distroless/cc-debian12

FROM ${BUILD_BASE} AS build
WORKDIR /keymount
COPY package.json package-lock.json .npmrc tsconfig.json LICENSE ./
RUN ["npm", "ci", "--ignore-scripts"]
COPY scripts scripts
COPY src src
# The embedded Vault of keymount dev is not for a node.
RUN ["node", "scripts/build.js", "--without-dev"]
RUN ["node", "scripts/image-command.js"]
RUN ["node", "scripts/compile.js", "--disable-sigusr1", "--single-threaded-gc", "--no-page-promotion", "--max-semi-space-size=4", "--max-old-space-size=64"]

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="keymount" \
      org.opencontainers.image.description="Secrets Store CSI provider for HashiCorp Vault and OpenBao" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
COPY --from=build /usr/local/bin/node /usr/bin/prlimit /usr/local/bin/
COPY --from=build /usr/lib/*-linux-gnu/libsmartcols.so.1 /usr/lib/
COPY --from=build /usr/local/LICENSE /keymount/licenses/node
COPY --from=build /usr/share/doc/util-linux/copyright /keymount/licenses/util-linux
# package.json says that the bundle is an ES module: without it Node reads the file twice.
COPY --from=build /keymount/package.json /keymount/LICENSE /keymount/
COPY --from=build /keymount/dist/ /keymount/dist/
COPY --from=build /keymount/bin/ /usr/local/bin/
# The bundle's compiled code: 6 MiB less memory. Nothing writes there.
COPY --from=build /keymount/cache/ /keymount/cache/
ENV NODE_COMPILE_CACHE=/keymount/cache
# glibc gives back to the system at once what large requests and answers took. 16 KiB is what HTTP/2 comes in: with more,
# 250 requests of 250 KB at once leave the heap of malloc 60 MiB larger for good.
ENV MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=16384 MALLOC_TRIM_THRESHOLD_=131072
STOPSIGNAL SIGTERM
# prlimit becomes Node, which is PID 1: keymount handles the signals itself. Core dumps, which would hold secrets: a limit of
# one byte keeps the kernel from writing them to a file, and from piping them to a program, which 0 does not (Linux,
# fs/coredump.c). No signal opens an inspector, and the heap stays within a limit of 160 MiB. So small a heap is collected by
# one thread with less CPU than by several, which wait for each other; and what is young and lives on is moved alone, not with
# its page's garbage: 2 MiB less after 900 pods. Any user may run it.
ENTRYPOINT ["prlimit", "--core=1", "node", "--disable-sigusr1", "--single-threaded-gc", "--no-page-promotion", "--max-semi-space-size=4", "--max-old-space-size=64", "/keymount/dist/keymount.js"]
