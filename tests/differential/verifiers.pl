#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# verifiers.pl - Mail::SPF and Mail::DKIM over cases with their own zones; one JSON object a line in and out
use strict;
use warnings;

my $now;
BEGIN { *CORE::GLOBAL::time = sub () { defined $now ? $now : CORE::time() } }

use JSON::PP;
use MIME::Base64;
use Mail::DKIM::DNS;
use Mail::DKIM::Verifier;
use Mail::SPF;
use Net::DNS;

package Zone;

sub new {
	my ($class, $records) = @_;
	my %zone = (names => {}, data => {}, rcode => {}, error => 'NOERROR');

	for my $record (@{ $records || [] }) {
		my $name = lc $record->{name};
		$name =~ s/\.$//;
		for (my $parent = $name; $parent ne ''; ) {
			$zone{names}{$parent} = 1;
			last unless $parent =~ s/^[^.]*\.//;
		}
		if (exists $record->{rcode}) {
			$zone{rcode}{"$name/$record->{type}"} = $record->{rcode};
		} else {
			push @{ $zone{data}{"$name/$record->{type}"} }, $record->{data};
		}
	}
	return bless \%zone, $class;
}

sub errorstring { return $_[0]{error} }

sub rr {
	my ($name, $type, $data) = @_;

	if ($type eq 'TXT') { # Net::DNS reads escapes in what it is given
		my @strings = map { s/([^ !#-\[\]-~])/sprintf '\\%03d', ord $1/ger } @$data;
		return Net::DNS::RR->new(owner => $name, type => $type, txtdata => \@strings);
	}
	return Net::DNS::RR->new(owner => $name, type => $type, address => $data) if $type =~ /^A/;
	return Net::DNS::RR->new(owner => $name, type => $type, ptrdname => $data) if $type eq 'PTR';
	return Net::DNS::RR->new(owner => $name, type => $type, preference => $data->[0], exchange => $data->[1]);
}

sub send {
	my ($self, $name, $type) = @_;
	my $key = lc $name;
	$key =~ s/\.$//;
	for (1 .. 8) {
		my $alias = $self->{data}{"$key/CNAME"};
		last if $self->{data}{"$key/$type"} || !$alias;
		$key = lc $alias->[0];
		$key =~ s/\.$//;
	}
	my $rcode = $self->{rcode}{"$key/$type"} || $self->{rcode}{"$key/*"} || '';
	my $data = $self->{data}{"$key/$type"};

	$self->{error} = 'NOERROR';
	# What no DNS message could carry does not exist.
	return $self->reply(undef, 'NXDOMAIN') if length $key > 253 || grep { $_ eq '' || length > 63 } split /\./, $key, -1;
	return $self->reply($name, 'NOERROR', map { rr($name, $type, $_) } @$data) if $data;
	if ($rcode eq 'TIMEOUT') {
		$self->{error} = 'query timed out';
		return undef;
	}
	return $self->reply($name, $rcode eq 'SERVFAIL' ? $rcode : $self->{names}{$key} ? 'NOERROR' : 'NXDOMAIN');
}

sub reply {
	my ($self, $name, $rcode, @answer) = @_;
	my $packet = Net::DNS::Packet->new(defined $name ? $name : 'invalid', 'TXT');

	$packet->push(answer => @answer);
	$packet->header->qr(1);
	$packet->header->rcode($rcode);
	$self->{error} = $rcode;
	return $packet;
}

package main;

sub spf {
	my ($case) = @_;
	my $server = Mail::SPF::Server->new(
		dns_resolver => Zone->new($case->{zone}),
		hostname => $case->{receiver} || 'mx',
		query_rr_types => Mail::SPF::Server->query_rr_type_txt,
	);
	my $null = !defined $case->{mail_from} || $case->{mail_from} eq '';
	my $request = Mail::SPF::Request->new(
		versions => [1],
		scope => $null ? 'helo' : 'mfrom',
		identity => $null ? $case->{helo} : $case->{mail_from},
		helo_identity => $case->{helo},
		ip_address => $case->{ip},
	);
	my $result = $server->process($request);

	return ($result->code, $result->code =~ /error/ ? $result->text : '');
}

sub dkim {
	my ($case) = @_;
	$now = $case->{now};
	Mail::DKIM::DNS::resolver(Zone->new($case->{zone}));
	my $verifier = Mail::DKIM::Verifier->new(Strict => 1);

	$verifier->PRINT(decode_base64($case->{message_b64}));
	$verifier->CLOSE;
	return ('pass', '') if $verifier->result eq 'pass';
	return ('notpass', $verifier->result_detail);
}

my $json = JSON::PP->new;
$| = 1;
while (my $line = <STDIN>) {
	my $case = $json->decode($line);
	my ($word, $why) = eval { local $SIG{__WARN__} = sub { }; $case->{kind} eq 'spf' ? spf($case) : dkim($case) };
	my $wrong = $@;
	if (!defined $word) {
		$wrong = $wrong->text if ref $wrong && $wrong->can('text');
		($word, $why) = ($case->{kind} eq 'spf' ? 'crash' : 'notpass', "$wrong");
	}
	$why = defined $why ? $why : '';
	$why =~ s/[^ -~]/*/g;
	print $json->encode({ word => $word, why => $why }), "\n";
}
