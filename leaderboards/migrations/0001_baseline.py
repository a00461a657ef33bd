"""Every table before the first release. A database is empty, or has taken all these steps."""

import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [
        ('leaderboards', '0001_initial'),
        ('leaderboards', '0002_rating_boards'),
        ('leaderboards', '0003_outlooks'),
        ('leaderboards', '0004_reports'),
        ('leaderboards', '0005_exports'),
    ]

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ('studies', '0001_baseline'),
    ]

    operations = [
        migrations.CreateModel(
            name='Board',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('engine', models.CharField(choices=[('davidson', 'Davidson'), ('trueskill', 'TrueSkill'), ('ratings', 'Ratings')], max_length=10)),
                ('parameters', models.JSONField()),
                ('code_version', models.CharField(max_length=50)),
                ('input_digest', models.CharField(max_length=64)),
                ('document', models.BinaryField()),
                ('taken_at', models.DateTimeField()),
                ('first_battle_at', models.DateTimeField()),
                ('last_battle_at', models.DateTimeField()),
                ('raters', models.PositiveIntegerField()),
                ('verdicts', models.PositiveIntegerField()),
                ('exclusions', models.PositiveIntegerField()),
                ('study', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='boards', to='studies.study')),
                ('supersedes', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='superseded_by', to='leaderboards.board')),
                ('taken_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-taken_at', 'pk'],
                'constraints': [models.CheckConstraint(condition=models.Q(('code_version', ''), _negated=True), name='board_has_code_version')],
            },
        ),
        migrations.CreateModel(
            name='Export',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('format', models.CharField(choices=[('csv', 'CSV'), ('jsonl', 'JSON lines'), ('parquet', 'Parquet')], default='csv', max_length=7)),
                ('is_release', models.BooleanField(default=False, help_text="Only what raters' consent covers, under pseudonyms of its own; small groups are not told apart.", verbose_name='public release')),
                ('state', models.CharField(choices=[('waiting', 'waiting'), ('claimed', 'being built'), ('ready', 'ready'), ('failed', 'failed'), ('expired', 'expired')], default='waiting', max_length=7)),
                ('claim', models.UUIDField(blank=True, null=True)),
                ('leased_until', models.DateTimeField(blank=True, null=True)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('asked_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('file_name', models.CharField(blank=True, max_length=200)),
                ('size', models.PositiveBigIntegerField(blank=True, null=True)),
                ('sha256', models.CharField(blank=True, max_length=64)),
                ('rows', models.JSONField(blank=True, default=dict)),
                ('error', models.TextField(blank=True)),
                ('asked_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('study', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='exports', to='studies.study')),
            ],
            options={
                'ordering': ['-asked_at', '-pk'],
                'indexes': [models.Index(condition=models.Q(('state__in', ['waiting', 'claimed'])), fields=['asked_at'], name='exports_to_be_built')],
                'constraints': [models.CheckConstraint(condition=models.Q(('format__in', ['csv', 'jsonl', 'parquet'])), name='export_format_is_known'), models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'claimed', 'ready', 'failed', 'expired'])), name='export_state_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'ready'), _negated=True), models.Q(('size__isnull', False), models.Q(('sha256', ''), _negated=True), models.Q(('file_name', ''), _negated=True)), _connector='OR'), name='ready_export_has_file'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'failed'), _negated=True), models.Q(('error', ''), _negated=True), _connector='OR'), name='failed_export_says_why'), models.CheckConstraint(condition=models.Q(models.Q(('claim__isnull', False), ('leased_until__isnull', False), ('state', 'claimed')), models.Q(models.Q(('state', 'claimed'), _negated=True), ('claim__isnull', True), ('leased_until__isnull', True)), _connector='OR'), name='only_a_claimed_export_has_claim_and_lease')],
            },
        ),
        migrations.CreateModel(
            name='Fold',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('recorded_at', models.DateTimeField(null=True)),
                ('verdict_id', models.BigIntegerField(default=0)),
                ('verdicts', models.PositiveBigIntegerField(default=0)),
                ('exclusions', models.CharField(blank=True, max_length=64)),
                ('tallies', models.BinaryField(default=bytes)),
                ('study', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='fold', to='studies.study')),
            ],
        ),
        migrations.CreateModel(
            name='Outlook',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('battles', models.PositiveIntegerField()),
                ('answered_at', models.DateTimeField(blank=True, null=True)),
                ('expected', models.FloatField(blank=True, null=True)),
                ('low', models.FloatField(blank=True, null=True)),
                ('high', models.FloatField(blank=True, null=True)),
                ('forecast_at', models.DateTimeField(blank=True, null=True)),
                ('group', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='studies.group')),
                ('rule', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='outlooks', to='studies.stoppingrule')),
            ],
            options={
                'ordering': ['rule', 'group'],
                'constraints': [models.UniqueConstraint(models.F('rule'), models.F('group'), name='one_outlook_per_rule_and_group'), models.UniqueConstraint(condition=models.Q(('group__isnull', True)), fields=('rule',), name='one_outlook_per_rule_of_everybody')],
            },
        ),
        migrations.CreateModel(
            name='Report',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.SlugField(db_index=False)),
                ('subject', models.CharField(blank=True, max_length=200)),
                ('state', models.CharField(choices=[('waiting', 'waiting'), ('claimed', 'being computed'), ('finished', 'finished'), ('failed', 'failed')], default='waiting', max_length=8)),
                ('claim', models.UUIDField(blank=True, null=True)),
                ('leased_until', models.DateTimeField(blank=True, null=True)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('asked_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('document', models.JSONField(blank=True, null=True)),
                ('error', models.TextField(blank=True)),
                ('asked_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('study', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='reports', to='studies.study')),
            ],
            options={
                'ordering': ['-asked_at', '-pk'],
                'indexes': [models.Index(fields=['study', 'kind', 'subject'], name='reports_by_subject'), models.Index(condition=models.Q(('state__in', ['waiting', 'claimed'])), fields=['asked_at'], name='reports_to_be_computed')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state__in', ['waiting', 'claimed'])), fields=('study', 'kind', 'subject'), name='one_report_under_way_per_subject'), models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'claimed', 'finished', 'failed'])), name='report_state_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'finished'), _negated=True), models.Q(('document__isnull', False), ('error', '')), _connector='OR'), name='finished_report_has_document'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'failed'), _negated=True), models.Q(('error', ''), _negated=True), _connector='OR'), name='failed_report_says_why'), models.CheckConstraint(condition=models.Q(models.Q(('claim__isnull', False), ('leased_until__isnull', False), ('state', 'claimed')), models.Q(models.Q(('state', 'claimed'), _negated=True), ('claim__isnull', True), ('leased_until__isnull', True)), _connector='OR'), name='only_a_claimed_report_has_claim_and_lease')],
            },
        ),
        migrations.CreateModel(
            name='Tournament',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('draw_probability', models.FloatField()),
                ('dimension', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tournaments', to='studies.dimension')),
                ('group', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='tournaments', to='studies.group')),
                ('study', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tournaments', to='studies.study')),
            ],
            options={
                'ordering': ['study', 'dimension', 'group'],
                'constraints': [models.UniqueConstraint(models.F('dimension'), models.F('group'), name='one_tournament_per_dimension_and_group'), models.UniqueConstraint(condition=models.Q(('group__isnull', True)), fields=('dimension',), name='one_tournament_of_everybody_per_dimension'), models.CheckConstraint(condition=models.Q(('draw_probability__gte', 0.0), ('draw_probability__lt', 1.0)), name='draw_probability_below_1')],
            },
        ),
        migrations.CreateModel(
            name='BoardSection',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('scope', models.CharField(choices=[('electorate', 'the electorate, merged from the groups'), ('group', 'one group'), ('sample', 'the raters as they came')], max_length=10)),
                ('dimension_key', models.SlugField()),
                ('dimension_name', models.CharField(max_length=100)),
                ('axis_key', models.SlugField(blank=True)),
                ('axis_name', models.CharField(blank=True, max_length=100)),
                ('group_key', models.SlugField(blank=True)),
                ('group_name', models.CharField(blank=True, max_length=100)),
                ('raters', models.PositiveIntegerField()),
                ('battles', models.PositiveIntegerField()),
                ('fit', models.JSONField(help_text="The numbers of this section's model, by name.")),
                ('refusal', models.TextField(blank=True)),
                ('board', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='sections', to='leaderboards.board')),
            ],
            options={
                'ordering': ['pk'],
                'constraints': [models.UniqueConstraint(models.F('board'), models.F('scope'), models.F('dimension_key'), models.F('axis_key'), models.F('group_key'), name='one_section_per_dimension_and_group'), models.CheckConstraint(condition=models.Q(('scope', 'group'), models.Q(('axis_key', ''), ('group_key', '')), _connector='XOR'), name='only_group_sections_name_a_group')],
            },
        ),
        migrations.CreateModel(
            name='BoardWithdrawal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.TextField()),
                ('withdrawn_at', models.DateTimeField()),
                ('actor', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('board', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='withdrawal', to='leaderboards.board')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='withdrawal_has_reason')],
            },
        ),
        migrations.CreateModel(
            name='Standing',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('mu', models.FloatField()),
                ('sigma', models.FloatField()),
                ('wins', models.PositiveIntegerField(default=0)),
                ('losses', models.PositiveIntegerField(default=0)),
                ('ties', models.PositiveIntegerField(default=0)),
                ('contestant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='standings', to='studies.contestant')),
                ('tournament', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='standings', to='leaderboards.tournament')),
            ],
            options={
                'ordering': ['tournament', '-mu'],
                'constraints': [models.UniqueConstraint(models.F('tournament'), models.F('contestant'), name='one_standing_per_contestant'), models.CheckConstraint(condition=models.Q(('sigma__gt', 0.0)), name='sigma_is_positive')],
            },
        ),
        migrations.CreateModel(
            name='BoardRow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=200)),
                ('developer', models.CharField(blank=True, max_length=200)),
                ('rank', models.PositiveSmallIntegerField()),
                ('rank_low', models.PositiveSmallIntegerField()),
                ('rank_high', models.PositiveSmallIntegerField()),
                ('score', models.FloatField()),
                ('score_low', models.FloatField()),
                ('score_high', models.FloatField()),
                ('win_share', models.FloatField()),
                ('p_best', models.FloatField()),
                ('battles', models.PositiveIntegerField()),
                ('wins', models.PositiveIntegerField(null=True)),
                ('losses', models.PositiveIntegerField(null=True)),
                ('ties', models.PositiveIntegerField(null=True)),
                ('is_provisional', models.BooleanField()),
                ('contestant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='board_rows', to='studies.contestant')),
                ('section', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='rows', to='leaderboards.boardsection')),
            ],
            options={
                'ordering': ['section', 'rank'],
                'constraints': [models.UniqueConstraint(models.F('section'), models.F('contestant'), name='one_row_per_section_and_contestant'), models.CheckConstraint(condition=models.Q(('score_high__gte', models.F('score')), ('score_low__lte', models.F('score'))), name='score_lies_in_its_interval')],
            },
        ),
    ]
