FROM node:20-bookworm-slim
WORKDIR /opt/harbor
COPY . .
RUN npm ci --no-audit --no-fund && npx tsc -b
VOLUME /var/lib/harbor
ENV HARBOR_HOME=/var/lib/harbor
CMD ["bin/kato", "run"]
