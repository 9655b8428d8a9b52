# The gateway alone, as an unprivileged user, on a root that may be read-only. docs/image.md says how to run it.
# conformance/image replays these steps without a container engine, so they keep to COPY, RUN, ENV and relative paths.

FROM node:26-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc tsconfig.json ./
COPY gateway/package.json gateway/
COPY sdk/package.json sdk/
COPY plugins/package.json plugins/
COPY conformance/package.json conformance/
COPY bench/package.json bench/
RUN npm ci
COPY gateway gateway
COPY sdk sdk
COPY plugins plugins
RUN npm run build && npm run build:plugins

FROM node:26-bookworm-slim AS dependencies
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
COPY gateway/package.json gateway/
COPY sdk/package.json sdk/
COPY plugins/package.json plugins/
COPY conformance/package.json conformance/
COPY bench/package.json bench/
RUN npm ci --omit=dev --workspace gateway

FROM node:26-bookworm-slim
WORKDIR /opt/sluice
ENV NODE_ENV=production
COPY LICENSE ./
COPY --from=dependencies /src/node_modules node_modules
COPY --from=build /src/gateway/package.json gateway/
COPY --from=build /src/gateway/bin gateway/bin
COPY --from=build /src/gateway/dist gateway/dist
COPY --from=build /src/gateway/templates gateway/templates
COPY --from=build /src/plugins/key-auth/build plugins/key-auth
COPY --from=build /src/plugins/header-rewrite/build plugins/header-rewrite
COPY --from=build /src/plugins/body-mask/build plugins/body-mask
USER 1000:1000
EXPOSE 8080 8443
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["node", "/opt/sluice/gateway/bin/sluice.js", "health"]
ENTRYPOINT ["node", "/opt/sluice/gateway/bin/sluice.js"]
CMD ["run", "-c", "/etc/sluice/gateway.yaml"]
