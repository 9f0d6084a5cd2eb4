// Both versions in one list; no validator, because that would be another host.
window.addEventListener("load", () => {
  window.ui = SwaggerUIBundle({
    dom_id: "#reference",
    urls: [
      { name: "v1", url: "/api/v1/openapi.json" },
      { name: "v2", url: "/api/v2/openapi.json" },
    ],
    url: "/api/v1/openapi.json",
    validatorUrl: null,
    deepLinking: true,
  });
});
