# The base needs Node 20, 22 or 24; the build's also npm. Neither needs a shell.
ARG BASE=docker.io/library/node:22-bookworm-slim
ARG BUILD_BASE=${BASE}

FROM ${BUILD_BASE} AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc tsconfig.json ./
RUN ["npm", "ci", "--ignore-scripts"]
COPY scripts scripts
COPY src src
RUN ["node", "scripts/build.js"]

FROM ${BASE}
# package.json says that the bundle is an ES module: without it Node reads the file twice.
COPY --from=build /src/package.json /keymount/
COPY --from=build /src/dist/keymount.js /keymount/dist/
COPY LICENSE /keymount/
STOPSIGNAL SIGTERM
# Node is PID 1: keymount handles the signals itself. The flags keep the heap within a limit of 128 MiB.
ENTRYPOINT ["node", "--max-semi-space-size=2", "--max-old-space-size=64", "/keymount/dist/keymount.js"]
