// SPDX-License-Identifier: MIT
/*
 * control_show.c - what the read commands of the control socket answer
 */
#include <stdio.h>
#include <stdlib.h>

#include "ctrlplane/address.h"
#include "ctrlplane/control_state.h"
#include "ctrlplane/settings_table.h"
#include "ctrlplane/stats_export.h"

static unsigned all_stats(struct control *c, const struct stats *workers[STATS_WORKERS_MAX])
{
	unsigned n = c->env->n_workers < STATS_WORKERS_MAX ? c->env->n_workers : STATS_WORKERS_MAX;

	for (unsigned w = 0; w < n; w++)
		workers[w] = c->env->stats(c->env->arg, w);
	return n;
}

json_t *control_counters_of(struct control *c, const char *prefix)
{
	const struct stats *workers[STATS_WORKERS_MAX];
	struct stats sum;
	const char *name;
	json_t *value, *some = json_object();

	stats_sum(&sum, workers, all_stats(c, workers));
	json_t *all = stats_json(&sum);
	json_object_foreach(all, name, value)
	{
		const char *of_room = strncmp(name, "shard_", 6) == 0 ? name + 6 : name;

		if (strncmp(of_room, prefix, strlen(prefix)) == 0)
			json_object_set(some, name, value);
	}
	json_decref(all);
	return some;
}

json_t *control_show_status(struct control *c)
{
	const struct settings *s = c->env->settings(c->env->arg);
	struct control_status status = { 0 };
	char started[40];
	struct text t;

	c->env->status(c->env->arg, &status);
	text_init(&t, started, sizeof(started));
	record_time_text(status.started_unix_us, &t);
	return json_pack("{s:s, s:s, s:I, s:s, s:I, s:s, s:i, s:I, s:I, s:I, s:I, s:s}", "version",
			 status.version ? status.version : "", "config", status.config ? status.config : "",
			 "config_version", (json_int_t)s->version, "started", started, "uptime_s",
			 (json_int_t)status.uptime_s, "state",
			 status.drained    ? "drained"
			 : status.draining ? "draining"
					   : "running",
			 "workers", (int)c->env->n_workers, "dns_flights", (json_int_t)status.dns_flights, "records",
			 (json_int_t)c->env->records->n_added, "records_written", (json_int_t)status.records_written,
			 "records_dropped", (json_int_t)status.records_dropped, "hostname", s->server_hostname);
}

/* What is not counted by a worker. */
static void prometheus_rest(struct control *c, FILE *f)
{
	struct control_status status = { 0 };

	c->env->status(c->env->arg, &status);
	stats_prometheus_value(f, "uptime_seconds", "gauge", "seconds since the start", status.uptime_s);
	stats_prometheus_value(f, "config_version", "gauge", "version of the settings in force",
			       c->env->settings(c->env->arg)->version);
	stats_prometheus_value(f, "draining", "gauge", "1 while no new connections are taken", status.draining);
	stats_prometheus_value(f, "records_total", "counter", "messages that ended", c->env->records->n_added);
	stats_prometheus_value(f, "records_dropped_total", "counter", "records not written: the log file took no more",
			       status.records_dropped);
}

json_t *control_show_stats(struct control *c, const json_t *args)
{
	const struct stats *workers[STATS_WORKERS_MAX];
	const char *format = control_arg(args, "format");
	unsigned n = all_stats(c, workers);
	struct stats sum;

	if (format && strcmp(format, "prometheus") == 0) {
		char *text = NULL;
		size_t len = 0;
		FILE *f = open_memstream(&text, &len);

		if (!f)
			return NULL;
		stats_prometheus(f, workers, n);
		prometheus_rest(c, f);
		control_dns_prometheus(c, f);
		control_latency_prometheus(c, f);
		control_policy_prometheus(c, f);
		control_limits_prometheus(c, f);
		json_t *result = fclose(f) == 0 ? json_pack("{s:s#}", "text", text, (int)len) : NULL;
		free(text);
		return result;
	}
	json_t *list = json_array();
	for (unsigned w = 0; w < n; w++)
		json_array_append_new(list, stats_json(workers[w]));
	stats_sum(&sum, workers, n);
	return json_pack("{s:o, s:o, s:o}", "total", stats_json(&sum), "workers", list, "help", stats_sentences_json());
}

static json_t *address_json(const struct ip_addr *a)
{
	char text[64];
	struct text t;

	text_init(&t, text, sizeof(text));
	if (a->family != IP_NONE)
		ip_addr_text(a, &t);
	return json_string(text);
}

static json_t *addresses_json(const struct settings_port *p)
{
	json_t *list = json_array();
	char text[64];
	struct text t;

	for (size_t i = 0; i < p->n_addresses; i++) {
		text_init(&t, text, sizeof(text));
		ip_addr_text(&p->addresses[i].addr, &t);
		text_putc(&t, '/');
		text_dec(&t, p->addresses[i].prefix_len);
		json_array_append_new(list, json_string(text));
	}
	return list;
}

/* Those whose MAC is a setting, as they stand there. */
static json_t *neighbours_json(const struct settings_port *p)
{
	json_t *list = json_array();
	char text[96];
	struct text t;

	for (size_t i = 0; i < p->n_neighbours; i++) {
		const uint8_t *m = p->neighbours[i].mac;

		text_init(&t, text, sizeof(text));
		ip_addr_text(&p->neighbours[i].addr, &t);
		json_array_append_new(list, json_sprintf("%s %02x:%02x:%02x:%02x:%02x:%02x", text, m[0], m[1], m[2],
							 m[3], m[4], m[5]));
	}
	return list;
}

void control_set_count(json_t *o, const char *key, uint64_t value)
{
	json_object_set_new(o, key, json_integer((json_int_t)value));
}

json_t *control_show_ports(struct control *c)
{
	const struct settings *s = c->env->settings(c->env->arg);
	json_t *list = json_array();

	for (unsigned i = 0; i < s->n_ports; i++) {
		const struct settings_port *p = &s->ports[i];
		struct control_port now = { .mac = "" };
		json_t *o = json_pack("{s:s, s:o, s:o, s:o, s:o, s:i, s:i}", "device", p->device, "addresses",
				      addresses_json(p), "gateway4", address_json(&p->gateway4), "gateway6",
				      address_json(&p->gateway6), "neighbours", neighbours_json(p), "mtu", (int)p->mtu,
				      "vlan", (int)p->vlan);

		if (c->env->port(c->env->arg, i, &now)) {
			json_object_set_new(o, "mac", json_string(now.mac));
			json_object_set_new(o, "driver", json_string(now.driver));
			json_object_set_new(o, "link", json_string(now.link_up ? "up" : "down"));
			control_set_count(o, "speed_mbps", now.speed_mbps);
			control_set_count(o, "rx_packets", now.rx_packets);
			control_set_count(o, "rx_octets", now.rx_octets);
			control_set_count(o, "rx_missed", now.rx_missed);
			control_set_count(o, "rx_errors", now.rx_errors);
			control_set_count(o, "rx_no_buffer", now.rx_no_buffer);
			control_set_count(o, "tx_packets", now.tx_packets);
			control_set_count(o, "tx_octets", now.tx_octets);
			control_set_count(o, "tx_errors", now.tx_errors);
		}
		json_array_append_new(list, o);
	}
	return json_pack("{s:o}", "ports", list);
}
