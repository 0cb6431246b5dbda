import { queryOptions } from "@tanstack/react-query";

import { client, dataOf, type Schemas } from "./client";
import { keys } from "./keys";

export type Service = Schemas["ServiceAnswer"];
export type NewService = Schemas["NewService"];
export type ServiceUpdate = Schemas["ServiceUpdate"];

export function serviceQuery(name: string) {
  return queryOptions({
    queryKey: keys.declared(name),
    queryFn: async ({ signal }) =>
      dataOf(await client.GET("/api/services/{name}", { params: { path: { name } }, signal })),
  });
}

export const servicesQuery = queryOptions({
  queryKey: keys.services,
  queryFn: async ({ signal }) =>
    dataOf(await client.GET("/api/services", { params: { query: { limit: 1000 } }, signal })),
});

export async function createService(body: NewService): Promise<Service> {
  return dataOf(await client.POST("/api/services", { body }));
}

export async function updateService(name: string, body: ServiceUpdate): Promise<Service> {
  const saved = dataOf(
    await client.PUT("/api/services/{name}", { params: { path: { name } }, body }),
  );
  return saved as Service; // a dry run alone is answered otherwise
}

export async function deleteService(name: string, reason: string): Promise<void> {
  const body = reason === "" ? {} : { reason };
  await client.DELETE("/api/services/{name}", { params: { path: { name } }, body });
}
