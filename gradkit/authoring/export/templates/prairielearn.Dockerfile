# The image that grades. In this folder:  docker build -t IMAGE .
FROM python:3.12-slim
ARG TORCH="{{ torch }}"
RUN if [ -n "$TORCH" ]; then pip install --no-cache-dir $TORCH; fi
{% if copy %}
{{ copy }}
{% endif %}
RUN pip install --no-cache-dir {{ install }}
